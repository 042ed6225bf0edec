using Datapath.Backends;
using Microsoft.Extensions.Logging;

namespace Datapath.Agent.Loops;

/// <summary>Has the backend take away flows whose time is over, a part of its tables every second or so, and keeps what it says of its tables.</summary>
/// <param name="backend">What has the tables.</param>
/// <param name="log">Where it says that it cannot.</param>
/// <param name="clock">Times the rounds.</param>
internal sealed class FlowCollection(SharedBackend backend, ILogger log, TimeProvider clock)
{
    /// <summary>A table is looked through within some sixteen of them; no timeout of a flow is shorter than ten seconds.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private FlowUsage _usage = FlowUsage.None;
    private long? _last;
    private bool _isRefused;

    /// <summary>How full the tables were when they were last looked at.</summary>
    public FlowUsage Usage => Volatile.Read(ref _usage);

    /// <summary>Does the next part when its second has come. On the thread that reads events: a timer of its own would wake three threads each second.</summary>
    public void Look()
    {
        if (_last is { } last && clock.GetElapsedTime(last) < Interval)
        {
            return;
        }

        _last = clock.GetTimestamp();
        Collect();
    }

    private void Collect()
    {
        try
        {
            Volatile.Write(ref _usage, backend.Ask(kernel => kernel.CollectFlows()));
            if (_isRefused)
            {
                _isRefused = false;
                log.FlowsCollectedAgain();
            }
        }
        catch (BackendException refusal)
        {
            if (!_isRefused)
            {
                _isRefused = true;
                log.FlowsNotCollected(refusal.Message);
            }
        }
    }
}
