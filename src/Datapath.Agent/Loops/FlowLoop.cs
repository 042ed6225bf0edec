using Datapath.Backends;
using Microsoft.Extensions.Logging;

namespace Datapath.Agent.Loops;

/// <summary>Brings flow events from the kernel to the feed, twenty times a second while there are any, five times while there are none (<see cref="EventPace"/>).</summary>
/// <remarks>
/// By the clock and not by a wake-up of the kernel: a forced wake-up costs the packet that causes it some 7 µs, a read of an empty buffer nothing. On a
/// thread of its own: a timer that hands each round to the pool wakes three threads for it, which was most of what an idle agent did.
/// </remarks>
/// <param name="backend">Where events come from.</param>
/// <param name="feed">Where they go.</param>
/// <param name="collection">What is done once a second beside.</param>
/// <param name="log">Where it says that it cannot read.</param>
internal sealed class FlowLoop(SharedBackend backend, EventFeed feed, FlowCollection collection, ILogger log)
{
    private readonly EventPace _pace = new();
    private bool _isRefused;
    private bool _looksForCgroups;

    /// <summary>Runs until it is stopped.</summary>
    /// <param name="stop">Stops it.</param>
    public Task RunAsync(CancellationToken stop) => Task.Factory.StartNew(() => Run(stop), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void Run(CancellationToken stop)
    {
        TimeSpan pause = EventPace.Busy;
        while (!stop.WaitHandle.WaitOne(pause))
        {
            pause = _pace.After(Drain(), _looksForCgroups);
            collection.Look();
        }

        Drain();
    }

    // Whether anything came, or somebody waits for it.
    private bool Drain()
    {
        try
        {
            (int events, _looksForCgroups) = backend.Ask(kernel => (kernel.ReadEvents(feed.Publish), kernel.LooksForCgroups));
            if (_isRefused)
            {
                _isRefused = false;
                log.EventsReadAgain();
            }

            return events > 0 || feed.ListenerCount > 0;
        }
        catch (BackendException refusal)
        {
            // Said once, not twenty times a second. Packets are judged all the same.
            if (!_isRefused)
            {
                _isRefused = true;
                log.EventsNotRead(refusal.Message);
            }

            return false;
        }
    }
}
