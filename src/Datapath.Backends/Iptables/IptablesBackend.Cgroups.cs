using Datapath.Backends.Iptables.Kernel;
using Datapath.Backends.Iptables.Lowering;
using Datapath.Policy.Inventory;

namespace Datapath.Backends.Iptables;

/// <content>Units that are cgroups, which come and go without notice.</content>
public sealed partial class IptablesBackend
{
    // What was refused is asked for again as seldom as a refused policy is: each attempt runs a dozen programs.
    private static readonly TimeSpan RetryAfterRefusal = TimeSpan.FromSeconds(10);

    private long? _refusedAt;

    /// <inheritdoc/>
    public bool HasFollowedUnits { get; private set; }

    /// <inheritdoc/>
    public bool LooksForCgroups => _judged is { } judged && judged.Policy.Units.Any(unit => unit.Attach.Kind == AttachmentKind.Cgroup);

    /// <summary>Lowers the policy anew when the cgroups that its paths mean are others than before.</summary>
    private void FollowCgroups()
    {
        if (
            _judged is not { } judged
            || _lease is { } pending && pending.Left == TimeSpan.Zero
            || _refusedAt is { } refused && configuration.Time.GetElapsedTime(refused) < RetryAfterRefusal
            || !LooksForCgroups
        )
        {
            return;
        }

        var now = new Judged(judged.Policy, judged.Host, Variant());
        if (now.Places.Cgroups.SequenceEqual(judged.Places.Cgroups))
        {
            return;
        }

        try
        {
            Follow(now);
            _refusedAt = null;
        }
        catch (BackendException refusal)
        {
            _refusedAt = configuration.Time.GetTimestamp();
            throw new BackendException($"cgroups of units have come or gone, and the rules for them are refused: {refusal.Message}", refusal);
        }

        _judged = now;
        HasFollowedUnits = true;
    }

    private void Follow(Judged now)
    {
        LoweredPolicy lowered = Lower(now);
        InstalledRules before = InstalledRules.Read(_names, Variant());
        RequireNothingEnding(before);
        var known = new PlacedPolicy(lowered, before.ActiveGeneration);
        _ = _lease switch
        {
            { Kind: LeaseKind.Pause } lease => Converge(before, known with { Policy = PausedPolicy.Of(lowered) }, known with { Generation = lease.Back }, lease),
            { } lease => Converge(before, known, _fallback, lease),
            null => Converge(before, known, fallback: null, lease: null),
        };
    }
}
