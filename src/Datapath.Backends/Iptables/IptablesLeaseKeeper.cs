using Datapath.Backends.Host;
using Datapath.Backends.Iptables.Kernel;
using Datapath.Interop;
using Datapath.Interop.Libc;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Iptables;

/// <summary>What a lease keeper does: goes back when the time of a lease is over, whether or not an agent lives.</summary>
/// <param name="options">As the agent is set up.</param>
/// <remarks>It needs nothing but the kernel: the policy to go back to stands there, and the lease says which it is.</remarks>
public sealed class IptablesLeaseKeeper(IptablesOptions options)
{
    /// <summary>The verb of the command line that runs one; by it a keeper's process is recognised.</summary>
    public const string Verb = "rollback-at";

    // The clock of timers stands still while the host sleeps.
    private static readonly TimeSpan LongestNap = TimeSpan.FromSeconds(1);

    // What an agent may need from the start of its keeper to the rule that names it: sets of a hundred thousand entries on a busy machine.
    private static readonly TimeSpan TimeToSwitch = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMinutes(1);

    private readonly ObjectNames _names = new(options.Instance);

    /// <summary>Lets go of whoever started this process: from now on what it reads is empty, and what it prints goes nowhere.</summary>
    /// <exception cref="BackendException">There is no /dev/null.</exception>
    public static void LetGo()
    {
        try
        {
            Unix.SilenceStandardStreams();
        }
        catch (KernelException refusal)
        {
            throw new BackendException(refusal.Message, refusal);
        }
    }

    /// <summary>Waits until a time, or until it is clear that nobody needs this process: the agent died before it switched, or after.</summary>
    /// <param name="deadline">Since boot; time that the host sleeps counts, and is noticed within a second.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task WaitAsync(TimeSpan deadline, CancellationToken cancellation)
    {
        TimeSpan look = KernelClock.SinceBoot() + TimeToSwitch;
        while (deadline - KernelClock.SinceBoot() is var left && left > TimeSpan.Zero)
        {
            await Task.Delay(left < LongestNap ? left : LongestNap, options.Time, cancellation);
            if (KernelClock.SinceBoot() > look)
            {
                if (IsForgotten())
                {
                    return;
                }

                look += BetweenLooks;
            }
        }
    }

    /// <summary>Ends the lease that names this process as its keeper; does nothing when there is none, or another one.</summary>
    /// <returns>What ended; <see cref="LeaseKind.None"/> for nothing.</returns>
    /// <exception cref="BackendException">Refused; to ask again may help.</exception>
    public LeaseKind FallBack()
    {
        XtablesVariant variant = VariantChoice.Find(_names);
        var rules = new LeaseRules(_names, variant);
        if (InstalledRules.Read(_names, variant).Lease is not { } lease || lease.Keeper != Environment.ProcessId)
        {
            return LeaseKind.None;
        }

        rules.FallBack();
        return lease.Kind;
    }

    /// <summary>Lets connections follow the policy that is back: those that the one on trial cut go on, those that only it allowed end.</summary>
    /// <param name="policy">The policy that is back.</param>
    /// <param name="host">The host as it is.</param>
    /// <exception cref="BackendException">Refused.</exception>
    public void Follow(CompiledPolicy policy, HostSnapshot host)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(host);
        new ConnectionMarks(options.ConnectionMarkBit, options.RevokedMarkBit, options.CgroupMarkBit).Follow(policy, KernelPlaces.Of(policy, host, VariantChoice.Find(_names)), host, isFirst: false);
    }

    private bool IsForgotten()
    {
        try
        {
            return InstalledRules.Read(_names, VariantChoice.Find(_names)).Lease?.Keeper != Environment.ProcessId;
        }
        catch (BackendException)
        {
            // Not now: the next look may tell.
            return false;
        }
    }
}
