using Datapath.Backends.Iptables.Kernel;

namespace Datapath.Backends.Iptables;

/// <content>What somebody has changed is noticed and put back.</content>
public sealed partial class IptablesBackend
{
    // By generation, what its rules looked like when they had just been put there.
    private readonly Dictionary<uint, string> _contents = [];
    private string? _intact;
    private bool _hasLeftOvers;
    private bool _hasGap;
    private long _restored;

    /// <inheritdoc/>
    public RepairReport? Repair()
    {
        // What is over is ended, not mended.
        if (_active is not { } active || _lease is { } pending && pending.Left == TimeSpan.Zero)
        {
            return null;
        }

        // Before the rules are read: what changes in between is seen the next time.
        string? look = _lease is null ? Guard(() => RuleFingerprint.Read(_names, Variant())) : null;
        if (look is not null && look == _intact)
        {
            return null;
        }

        InstalledRules present = InstalledRules.Read(_names, Variant());
        if (present.Lease is { IsEnding: true } || DamageOf(present, active) is not { } damage)
        {
            Recognise(present);
            RemoveLeftOvers(present, Kept);
            FollowAfterGap();
            _intact = look;
            return null;
        }

        if (_lease is { } lease && !KeeperProcess.IsAlive(lease, configuration.Instance))
        {
            _lease = lease with { Keeper = KeeperProcess.Start(configuration.LeaseKeeper, lease.Deadline) };
        }

        Converge(present, active with { Generation = present.ActiveGeneration }, _fallback, _lease);
        _restored++;
        _hasGap = true;
        TryFollowAfterGap();
        return new RepairReport(Judging, damage);
    }

    private uint[] Kept => [.. new[] { _active, _fallback }.OfType<PlacedPolicy>().Select(one => one.Generation)];

    private string? DamageOf(InstalledRules present, PlacedPolicy active) =>
        present.DamageOf(active, isActive: true)
        ?? (_fallback is { } fallback ? present.DamageOf(fallback, isActive: false) : null)
        ?? (Kept.All(one => IsAsInstalled(one, present)) ? null : "iptables: rules of ours are not as they were")
        ?? (_lease == present.Lease ? null : "iptables: what says until when a trial or pause lasts is gone")
        ?? (_lease is null || KeeperProcess.IsAlive(_lease, configuration.Instance) ? null : "the process that ends a trial or pause is gone");

    // As many rules as there were may be others. Compared is what was printed before: how a rule is printed depends on the program's version.
    private bool IsAsInstalled(uint generation, InstalledRules present) =>
        !_contents.TryGetValue(generation, out string? contents) || contents == present.Contents(generation);

    private void Recognise(InstalledRules? present)
    {
        uint[] kept = Kept;
        foreach (uint gone in _contents.Keys.Except(kept).ToArray())
        {
            _contents.Remove(gone);
        }

        foreach (uint one in present is null ? [] : kept)
        {
            _contents.TryAdd(one, present!.Contents(one));
        }
    }

    private void RemoveLeftOvers(InstalledRules? present, uint[] kept)
    {
        if (_hasLeftOvers && present is not null)
        {
            new RuleInstaller(_names, Variant()).RemoveOthers(kept, present);
            _hasLeftOvers = false;
        }
    }

    // What cannot be removed now waits for the next guard, or for the next apply where there was none yet.
    private void TryRemoveLeftOvers()
    {
        _hasLeftOvers = true;
        try
        {
            InstalledRules present = InstalledRules.Read(_names, Variant());
            if (present.ActiveGeneration != 0)
            {
                RemoveLeftOvers(present, _active is null ? [present.ActiveGeneration] : Kept);
            }
        }
        catch (BackendException)
        {
            // Packets do not meet it.
        }
    }

    private void TryFollowAfterGap()
    {
        try
        {
            FollowAfterGap();
        }
        catch (BackendException)
        {
            // The rules are back; with the next guard.
            _intact = null;
        }
    }

    // What was opened while packets passed by our rules was opened under no policy, as before the first one.
    private void FollowAfterGap()
    {
        if (_hasGap && _judged is { } judged)
        {
            TakeUp(judged, []);
            _marks.Follow(judged.Policy, judged.Places, judged.Host, isFirst: true);
            _hasGap = false;
        }
    }
}
