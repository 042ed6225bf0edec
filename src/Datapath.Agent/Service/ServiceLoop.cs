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

    // systemd recommends to report at half of the time; a third leaves room for one that is late.
    private const int ReportsOfWatchdog = 3;

    private string _said = "";

    /// <summary>A loop whose last round is younger than this does not hang, however impatient the watchdog is set.</summary>
    public TimeSpan SlowestRound { get; init; } = PolicyLoop.GuardInterval * 3;

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
            await pulse.First.WaitAsync(stop);
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
