using Datapath.Backends.Iptables.Kernel;
using Datapath.Backends.Iptables.Lowering;
using Datapath.Policy.Inventory;

namespace Datapath.Backends.Iptables;

/// <content>Units that are cgroups, which come and go without notice.</content>
public sealed partial class IptablesBackend
{
    /// <inheritdoc/>
    public bool HasFollowedUnits { get; private set; }

    /// <summary>Lowers the policy anew when the cgroups that its paths mean are others than before.</summary>
    private void FollowCgroups()
    {
        if (
            _judged is not { } judged
            || _lease is { } pending && pending.Left == TimeSpan.Zero
            || !judged.Policy.Units.Any(unit => unit.Attach.Kind == AttachmentKind.Cgroup)
        )
        {
            return;
        }

        var now = new Judged(judged.Policy, judged.Host);
        if (now.Places.Cgroups.SequenceEqual(judged.Places.Cgroups))
        {
            return;
        }

        LoweredPolicy lowered = Lower(now);
        InstalledRules before = InstalledRules.Read(_names, Variant());
        var known = new PlacedPolicy(lowered, before.ActiveGeneration);
        _ = _lease switch
        {
            { Kind: LeaseKind.Pause } lease => Converge(before, known with { Policy = PausedPolicy.Of(lowered) }, known with { Generation = lease.Back }, lease),
            { } lease => Converge(before, known, _fallback, lease),
            null => Converge(before, known, fallback: null, lease: null),
        };
        _judged = now;
        HasFollowedUnits = true;
    }
}
