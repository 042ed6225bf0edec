using Datapath.Agent.Documents;
using Datapath.Backends;

namespace Datapath.Agent.Loops;

/// <summary>Where the policy loop writes what it did, and everybody else reads it. One writer, any number of readers.</summary>
/// <param name="initial">What holds before the loop has done anything.</param>
/// <param name="feed">Counts events.</param>
/// <param name="flows">Says how full the tables of flows are.</param>
/// <param name="clock">Says how much is left of a lease.</param>
internal sealed class StatusBoard(StatusDocument initial, EventFeed feed, Func<FlowUsage> flows, TimeProvider clock)
{
    private StatusDocument _written = initial;

    /// <summary>Says what became of records.</summary>
    public Func<RecordsDocument> Records { get; init; } = () => RecordsDocument.None;

    /// <summary>What holds now.</summary>
    public StatusDocument Current
    {
        get
        {
            StatusDocument written = Volatile.Read(ref _written);
            FlowUsage usage = flows();
            return written with
            {
                Lease = written.Lease?.At(clock.GetUtcNow()),
                Flows = FlowsDocument.Of(usage),
                Events = new EventCountsDocument(feed.Received, feed.Lost, feed.ListenerCount, usage.EventsLost),
                Records = Records(),
            };
        }
    }

    /// <summary>Replaces what holds. Only the policy loop calls it.</summary>
    /// <param name="change">Makes the new document of the old one.</param>
    public void Write(Func<StatusDocument, StatusDocument> change) => Volatile.Write(ref _written, change(_written));
}
