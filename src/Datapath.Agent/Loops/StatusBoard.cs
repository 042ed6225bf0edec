using Datapath.Agent.Documents;
using Datapath.Backends;

namespace Datapath.Agent.Loops;

/// <summary>Where the policy loop writes what it did, and everybody else reads it. One writer, any number of readers.</summary>
/// <param name="initial">What holds before the loop has done anything.</param>
/// <param name="feed">Counts events.</param>
/// <param name="flows">Says how full the tables of flows are.</param>
internal sealed class StatusBoard(StatusDocument initial, EventFeed feed, Func<FlowUsage> flows)
{
    private StatusDocument _written = initial;

    /// <summary>What holds now.</summary>
    public StatusDocument Current =>
        Volatile.Read(ref _written) with
        {
            Flows = FlowsDocument.Of(flows()),
            Events = new EventCountsDocument(feed.Received, feed.Lost, feed.ListenerCount),
        };

    /// <summary>Replaces what holds. Only the policy loop calls it.</summary>
    /// <param name="change">Makes the new document of the old one.</param>
    public void Write(Func<StatusDocument, StatusDocument> change) => Volatile.Write(ref _written, change(_written));
}
