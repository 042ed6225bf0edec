using Datapath.Backends.Iptables.Kernel;
using Datapath.Backends.Iptables.Lowering;
using Datapath.Interop.Libc;

namespace Datapath.Backends.Iptables;

/// <content>
/// What ends by itself: policies that wait for confirmation, and pauses. The policy to go back to stays in the kernel beside the one that judges,
/// a rule says until when, and a process of its own goes back when the agent does not.
/// </content>
public sealed partial class IptablesBackend
{
    /// <inheritdoc/>
    public PendingLease ReadLease() => _lease is { } lease ? new PendingLease(lease.Kind, lease.Left) : PendingLease.None;

    /// <inheritdoc/>
    public bool Confirm()
    {
        if (_lease is not { Kind: LeaseKind.Confirm } lease || lease.Left == TimeSpan.Zero)
        {
            return false;
        }

        if (!new LeaseRules(_names, Variant()).End(InstalledRules.Read(_names, Variant())))
        {
            // The keeper goes back already.
            _lease = lease with { IsEnding = true };
            return false;
        }

        KeeperProcess.End(lease, configuration.Instance);
        (_lease, _fallback, _judgedBefore) = (null, null, null);
        TryRemoveLeftOvers();
        return true;
    }

    /// <inheritdoc/>
    public uint Rollback()
    {
        if (_lease is not { Kind: LeaseKind.Confirm })
        {
            throw new BackendException("no policy waits for confirmation");
        }

        Judged? judged = _judgedBefore;
        uint generation = FallBack();
        // Without the policy, which a successor does not know, connections follow with the next apply.
        (_judged, _judgedBefore, _areMarksBehind) = (judged, null, judged is null);
        if (judged is not null)
        {
            _marks.Follow(judged.Policy, judged.Places, judged.Host, isFirst: false);
        }

        return generation;
    }

    /// <inheritdoc/>
    public void Pause(TimeSpan time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero);
        InstalledRules before = InstalledRules.Read(_names, Variant());
        if (_judged is not { } judged || before.ActiveGeneration == 0)
        {
            throw new BackendException("nothing is enforced, so there is nothing to pause");
        }

        if (_lease is { Kind: LeaseKind.Confirm })
        {
            throw new BackendException("a policy waits for confirmation");
        }

        RequireNothingEnding(before);
        LoweredPolicy policy = Lower(judged);
        IptablesLease? earlier = _lease;
        Begin(LeaseKind.Pause, time, lease =>
            Converge(
                before,
                new PlacedPolicy(PausedPolicy.Of(policy), earlier is null ? 0 : before.ActiveGeneration),
                new PlacedPolicy(policy, earlier?.Back ?? before.ActiveGeneration),
                lease
            )
        );
        if (earlier is not null)
        {
            KeeperProcess.End(earlier, configuration.Instance);
        }
    }

    /// <inheritdoc/>
    public bool Resume()
    {
        if (_lease is not { Kind: LeaseKind.Pause })
        {
            return false;
        }

        FallBack();
        return true;
    }

    // The keeper waits before anything is in force that it may have to end.
    private bool Begin(LeaseKind kind, TimeSpan time, Func<IptablesLease, bool> converge)
    {
        TimeSpan deadline = KernelClock.SinceBoot() + time;
        int keeper = KeeperProcess.Start(configuration.LeaseKeeper, deadline);
        var lease = new IptablesLease(kind, TimeSpan.FromMilliseconds((long)deadline.TotalMilliseconds), Back: 0, keeper);
        try
        {
            return converge(lease);
        }
        catch
        {
            KeeperProcess.End(lease, configuration.Instance);
            throw;
        }
    }

    private uint FallBack()
    {
        IptablesLease lease = _lease!;
        uint generation = new LeaseRules(_names, Variant()).FallBack();
        KeeperProcess.End(lease, configuration.Instance);
        (_active, _fallback, _lease) = (_fallback, null, null);
        return generation;
    }

    // Whoever has begun to go back goes on: a policy that came between would be in force without what it was to be tried against.
    private static void RequireNothingEnding(InstalledRules before)
    {
        if (before.Lease is { IsEnding: true } ending)
        {
            throw new BackendException(ending.Kind == LeaseKind.Pause ? "a pause is being ended" : "a trial is being ended");
        }
    }

    private void RequireNothingPending(bool isFirst, ApplyOptions wanted)
    {
        LeaseKind kind = _lease?.Kind ?? LeaseKind.None;
        string? obstacle = (kind, wanted.Fallback, wanted.ConfirmWithin) switch
        {
            (LeaseKind.Confirm, null, _) => "a policy waits for confirmation",
            (not LeaseKind.Confirm, not null, _) or (_, not null, not null) => "a policy to fall back to was given, and none waits for confirmation",
            (LeaseKind.Pause, _, not null) => "enforcement is paused",
            (_, _, not null) when isFirst || _active is null => "there is no policy to fall back to",
            _ => null,
        };
        if (obstacle is not null)
        {
            throw new BackendException(obstacle);
        }
    }
}
