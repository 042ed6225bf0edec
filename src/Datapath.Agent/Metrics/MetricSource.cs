using Datapath.Agent.Documents;
using Datapath.Agent.Records;
using Datapath.Backends;
using Datapath.Flows;

namespace Datapath.Agent.Metrics;

/// <summary>Where instruments look. One look serves all of a scrape, and whoever scrapes too often gets what was seen a moment ago.</summary>
/// <param name="status">What the agent says of itself.</param>
/// <param name="counters">Exact totals of the kernel; costs some milliseconds, and others wait for their turn meanwhile.</param>
/// <param name="names">What the numbers in them stand for.</param>
/// <param name="ruleLimit">Rules that have series; 0 for none.</param>
/// <param name="clock">Says what a moment is.</param>
internal sealed class MetricSource(Func<StatusDocument> status, Func<BackendCounters> counters, Func<FlowNames> names, int ruleLimit, TimeProvider clock)
{
    /// <summary>Flows by namespace and verdict.</summary>
    public required FlowTotals Flows { get; init; }

    private static readonly TimeSpan StatusAge = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan CounterAge = TimeSpan.FromSeconds(1);

    private readonly Lock _turn = new();
    private readonly RuleSeries _rules = new(ruleLimit);
    private StatusDocument? _status;
    private long _statusAt;
    private KernelReading? _kernel;
    private long _kernelAt;
    private long _failures;

    /// <summary>What the agent says of itself.</summary>
    public StatusDocument Status
    {
        get
        {
            lock (_turn)
            {
                if (_status is null || clock.GetElapsedTime(_statusAt) > StatusAge)
                {
                    (_status, _statusAt) = (status(), clock.GetTimestamp());
                }

                return _status;
            }
        }
    }

    /// <summary>What the kernel has counted.</summary>
    public KernelReading Kernel
    {
        get
        {
            lock (_turn)
            {
                if (_kernel is null || clock.GetElapsedTime(_kernelAt) > CounterAge)
                {
                    (_kernel, _kernelAt) = (Read(), clock.GetTimestamp());
                }

                return _kernel;
            }
        }
    }

    private KernelReading Read()
    {
        try
        {
            BackendCounters read = counters();
            return new KernelReading(read, _rules.Choose(names().LiveRules, read.Rules), _failures);
        }
        catch (BackendException)
        {
            // The rest of a scrape tells more than none, and the count tells of this.
            _failures++;
            return _kernel is null ? KernelReading.None(_failures) : _kernel with { Failures = _failures };
        }
    }
}
