using Datapath.Backends;
using Microsoft.Extensions.Logging;

namespace Datapath.Agent.Loops;

/// <summary>Brings flow events from the kernel to the feed, on a timer.</summary>
/// <remarks>A timer and not a wake-up by the kernel: a forced wake-up costs the packet that causes it some 7 µs, a read of an empty buffer nothing.</remarks>
/// <param name="backend">Where events come from.</param>
/// <param name="feed">Where they go.</param>
/// <param name="log">Where it says that it cannot read.</param>
/// <param name="clock">Times the reads.</param>
internal sealed class FlowLoop(SharedBackend backend, EventFeed feed, ILogger log, TimeProvider clock)
{
    /// <summary>A person does not notice it, and the ring buffer holds what comes meanwhile.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    private bool _isRefused;

    /// <summary>Runs until it is stopped.</summary>
    /// <param name="stop">Stops it.</param>
    public async Task RunAsync(CancellationToken stop)
    {
        using PeriodicTimer timer = new(Interval, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                Drain();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            Drain();
        }
    }

    private void Drain()
    {
        try
        {
            backend.Ask(kernel => kernel.ReadEvents(feed.Publish));
            if (_isRefused)
            {
                _isRefused = false;
                log.EventsReadAgain();
            }
        }
        catch (BackendException refusal)
        {
            // Said once, not twenty times a second. Packets are judged all the same.
            if (!_isRefused)
            {
                _isRefused = true;
                log.EventsNotRead(refusal.Message);
            }
        }
    }
}
