using Datapath.Agent.Documents;
using Datapath.Agent.Loops;

namespace Datapath.Agent.Service;

/// <summary>Keeps the service manager informed: ready once the first policy is in force, alive as long as the policy loop goes round.</summary>
/// <remarks>
/// The policy loop goes round every three seconds and asks the kernel through the lock that all loops share: one that hangs stops its pulse,
/// whichever it is. A timer of its own would go on telling that all is well.
/// </remarks>
/// <param name="manager">Who is told.</param>
/// <param name="pulse">Of the policy loop.</param>
/// <param name="status">What holds now.</param>
/// <param name="clock">Times it.</param>
internal sealed class ServiceLoop(ServiceManager manager, LoopPulse pulse, Func<StatusDocument> status, TimeProvider clock)
{
    /// <summary>How often it is looked whether there is something new to say.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>What a start that makes progress is given to show the next; as much as the unit gives to all of it.</summary>
    public static readonly TimeSpan StartExtension = TimeSpan.FromSeconds(90);

    // Of one interval. The timers of an agent that waits take a fiftieth of that, a verifier on a busy machine more.
    private static readonly TimeSpan Progress = TimeSpan.FromMilliseconds(500);

    // systemd recommends to report at half of the time; a third leaves room for one that is late.
    private const int ReportsOfWatchdog = 3;

    private string _said = "";

    /// <summary>A loop whose last round is younger than this does not hang, however impatient the watchdog is set.</summary>
    public TimeSpan SlowestRound { get; init; } = PolicyLoop.GuardInterval * 3;

    /// <summary>How often it is looked whether a start makes progress.</summary>
    public TimeSpan StartInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A start that has worked for longer than this will not end.</summary>
    public TimeSpan LongestStart { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Processor time that the agent has taken so far.</summary>
    public Func<TimeSpan> ProcessorTime { get; init; } = () => Environment.CpuUsage.TotalTime;

    /// <summary>Runs until it is stopped.</summary>
    /// <param name="stop">Stops it.</param>
    public async Task RunAsync(CancellationToken stop)
    {
        if (!manager.IsThere)
        {
            return;
        }

        try
        {
            await StartAsync(stop);
            Ready();
            TimeSpan? report = manager.Watchdog / ReportsOfWatchdog;
            using PeriodicTimer timer = new(report < Interval ? report.Value : Interval, clock);
            long last = clock.GetTimestamp();
            manager.Alive();
            while (await timer.WaitForNextTickAsync(stop))
            {
                if (manager.Watchdog is { } limit && clock.GetElapsedTime(last) >= report && pulse.Age < (limit > SlowestRound ? limit : SlowestRound))
                {
                    last = clock.GetTimestamp();
                    manager.Alive();
                }

                if (Sentence() is var sentence && sentence != _said)
                {
                    _said = sentence;
                    manager.Status(sentence);
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            manager.Stopping();
        }
    }

    /// <summary>
    /// Waits for the first round. The kernel's verifier takes minutes on a slow machine, which is no reason to be killed and to begin again; what hangs
    /// takes no processor time, and is left to the time limit of the unit.
    /// </summary>
    private async Task StartAsync(CancellationToken stop)
    {
        long begin = clock.GetTimestamp();
        TimeSpan worked = ProcessorTime() - Progress;
        while (clock.GetElapsedTime(begin) < LongestStart)
        {
            if (ProcessorTime() is var now && now - worked >= Progress)
            {
                worked = now;
                manager.Starting(StartExtension);
            }

            try
            {
                await pulse.First.WaitAsync(StartInterval, clock, stop);
                return;
            }
            catch (TimeoutException)
            {
                // Not yet.
            }
        }

        await pulse.First.WaitAsync(stop);
    }

    /// <summary>It does what it is for, from now on or again.</summary>
    public void Ready()
    {
        _said = Sentence();
        manager.Ready(_said);
    }

    private string Sentence()
    {
        StatusDocument now = status();
        string policy = now.Policy.State == PolicyState.Applied ? "" : $", policy files: {now.Policy.State}";
        string lease = now.Lease?.Kind is { } kind ? $", {kind} pending" : "";
        return $"{now.Backend}: {now.State}, generation {now.Generation}{lease}{policy}";
    }
}
