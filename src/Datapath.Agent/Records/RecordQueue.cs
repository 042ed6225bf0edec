using System.Threading.Channels;
using Datapath.Flows;

namespace Datapath.Agent.Records;

/// <summary>Events on their way from the kernel's buffer to records. Bounded: what does not fit is counted, and the kernel's reader never waits.</summary>
internal sealed class RecordQueue
{
    /// <summary>Two thirds of a second at the rate that the agent is built for; some fifteen megabytes when full.</summary>
    public const int Capacity = 65_536;

    // Mode "wait" with TryWrite refuses the newest when full, so that a loss can be counted; the modes that drop do so in silence.
    private readonly Channel<FlowEvent> _events = Channel.CreateBounded<FlowEvent>(
        new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.Wait, SingleReader = true }
    );
    private long _dropped;

    /// <summary>Where events are taken from.</summary>
    public ChannelReader<FlowEvent> Events => _events.Reader;

    /// <summary>Events that there was no room for.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Adds an event, or counts it as dropped; never waits.</summary>
    /// <param name="flow">From the kernel.</param>
    public void Offer(FlowEvent flow)
    {
        if (!_events.Writer.TryWrite(flow))
        {
            Interlocked.Increment(ref _dropped);
        }
    }
}
