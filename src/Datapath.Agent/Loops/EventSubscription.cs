using System.Threading.Channels;

namespace Datapath.Agent.Loops;

/// <summary>The queue of one listener.</summary>
/// <param name="end">Takes it out of the feed.</param>
internal sealed class EventSubscription(Action<EventSubscription> end) : IDisposable
{
    /// <summary>Events that wait for one listener; about a megabyte.</summary>
    public const int Capacity = 8192;

    // Mode "wait" with TryWrite refuses the newest when full, so that a loss can be counted; the modes that drop do so in silence.
    private readonly Channel<NamedFlowEvent> _queue = Channel.CreateBounded<NamedFlowEvent>(
        new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.Wait, SingleReader = true }
    );

    /// <summary>Where the listener takes events from.</summary>
    public ChannelReader<NamedFlowEvent> Events => _queue.Reader;

    /// <summary>False when the listener is too far behind.</summary>
    /// <param name="flow">The event.</param>
    public bool TryWrite(NamedFlowEvent flow) => _queue.Writer.TryWrite(flow);

    /// <inheritdoc/>
    public void Dispose() => end(this);
}
