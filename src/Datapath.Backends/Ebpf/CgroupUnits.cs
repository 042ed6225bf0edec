using System.Collections.Immutable;
using Datapath.Backends.Host;
using Datapath.Interop;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Netlink;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf;

/// <summary>
/// Keeps the kernel's tables of cgroups, and the programs at them, as the policies in force and the cgroups of the host want them. Cgroups come
/// and go without notice, and so do their sockets: it is told to look again and again.
/// </summary>
/// <param name="loaded">The loaded object, whose maps the copy for cgroups shares.</param>
/// <param name="openHooks">Loads that copy; called when it is first needed.</param>
/// <param name="tree">The hierarchy; null where none is mounted.</param>
/// <param name="forgetFlows">Forgets the flows of a unit.</param>
/// <param name="time">Times the looks at sockets.</param>
internal sealed class CgroupUnits(BpfObject loaded, Func<CgroupHooks> openHooks, CgroupTree? tree, Action<int> forgetFlows, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan BetweenSockets = TimeSpan.FromMilliseconds(250);

    private readonly KernelTable<ulong, DpCgroup> _entries = new(loaded.Map(DpMaps.Cgroups));
    private readonly KernelTable<DpServedKey, ulong> _served = new(loaded.Map(DpMaps.Served));
    private ImmutableArray<LocalUnit> _active = [];
    private ImmutableArray<LocalUnit> _fallback = [];
    private DesiredCgroups _present = DesiredCgroups.None;
    private CgroupHooks? _hooks;
    private long _lookedAtSockets;

    // Nothing is there of any policy, as on most hosts.
    private bool _isEmpty;

    // Nobody knows what an earlier agent's policy wanted: until this one's is applied its cgroups stay as they are.
    private bool _isKnown;

    /// <summary>Whether cgroups came or went since <see cref="Follow"/>.</summary>
    public bool HasFollowed { get; private set; }

    /// <summary>Whether a policy in force has units that are cgroups.</summary>
    public bool HasUnits => !_active.IsEmpty || !_fallback.IsEmpty;

    private BpfMap<uint, DpCgroupDepths> Depths => loaded.Map(DpMaps.Depths);

    private CgroupHooks Hooks => _hooks ??= openHooks();

    /// <summary>Puts these programs in the place of an earlier agent's.</summary>
    /// <param name="pins">Where its links are pinned.</param>
    public void Renew(PinDirectory pins)
    {
        if (CgroupHooks.Pinned(pins).Count > 0)
        {
            Hooks.RenewAll();
        }
    }

    /// <summary>Pins again the links whose pins are gone.</summary>
    public void PinAgain() => _hooks?.PinAgain();

    /// <summary>Refuses what has no room.</summary>
    /// <param name="policy">The policy that is to be in force.</param>
    /// <exception cref="PolicyTooLargeException">More cgroups than the table takes.</exception>
    public void RequireRoom(CompiledPolicy policy) =>
        HostTables.RequireRoom(_entries.Map, Desired(DesiredCgroups.UnitsOf(policy), _fallback).Entries.Count);

    /// <summary>Cgroups that change hands do so with the switch itself: until then their entries say both.</summary>
    /// <param name="policy">The policy that will be in force.</param>
    /// <param name="isOnTrial">Whether the one that is in force now is back unless somebody confirms.</param>
    /// <param name="active">The generation that is active.</param>
    /// <param name="next">The generation that will be.</param>
    public void BeforeSwitch(CompiledPolicy policy, bool isOnTrial, uint active, uint next)
    {
        _fallback = isOnTrial ? _active : _fallback;
        DesiredCgroups desired = Desired(DesiredCgroups.UnitsOf(policy), _fallback);
        _entries.Put(_entries.Entries.ToDictionary(one => one.Key, one => DesiredCgroups.BeforeSwitch(one.Value, desired.Entries.GetValueOrDefault(one.Key), active, next)));
    }

    /// <summary>A policy is in force: brings everything to it.</summary>
    /// <param name="policy">The policy.</param>
    /// <returns>Where units are judged now, and which are not.</returns>
    public (ImmutableArray<UnitAttachment> Attached, ImmutableArray<UnitNotEnforced> NotEnforced) Follow(CompiledPolicy policy)
    {
        (_active, _isKnown, HasFollowed) = (DesiredCgroups.UnitsOf(policy), true, false);
        DesiredCgroups desired = Desired(_active, _fallback);
        ImmutableDictionary<string, string> refused = _isEmpty && desired.Cgroups.IsEmpty ? ImmutableDictionary<string, string>.Empty : Converge(desired);
        return (
            [.. desired.Cgroups.Where(one => one.Unit != 0 && !refused.ContainsKey(one.Cgroup.Path)).Select(one => new UnitAttachment(one.Unit, one.Cgroup.Path, 0, "cgroup"))],
            [
                .. desired.NotEnforced,
                .. desired.Cgroups.Where(one => one.Unit != 0 && refused.ContainsKey(one.Cgroup.Path))
                    .Select(one => new UnitNotEnforced(one.Unit, $"cgroup {one.Cgroup.Path}: {refused[one.Cgroup.Path]}", MayBeLater: true)),
            ]
        );
    }

    /// <summary>The policy to fall back to follows the host too, or there is none any more.</summary>
    /// <param name="policy">The policy; null for none.</param>
    public void FallBackTo(CompiledPolicy? policy) => _fallback = policy is null ? [] : DesiredCgroups.UnitsOf(policy);

    /// <summary>The policy to fall back to is back.</summary>
    public void FellBack()
    {
        if (_isKnown)
        {
            (_active, _fallback) = (_fallback, []);
            Converge(Desired(_active, _fallback));
        }
    }

    /// <summary>Looks whether cgroups came or went, and who listens where.</summary>
    public void Look()
    {
        if (!_isKnown || (_active.IsEmpty && _fallback.IsEmpty && _present.Cgroups.IsEmpty))
        {
            return;
        }

        DesiredCgroups desired = Desired(_active, _fallback);
        if (!desired.Entries.SequenceEqual(_present.Entries))
        {
            Converge(desired);
            HasFollowed = true;
        }
        else if (time.GetElapsedTime(_lookedAtSockets) >= BetweenSockets)
        {
            LookAtSockets();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _hooks?.Dispose();

    private DesiredCgroups Desired(ImmutableArray<LocalUnit> active, ImmutableArray<LocalUnit> fallback) =>
        tree is null
            ? DesiredCgroups.None with { NotEnforced = [.. active.Select(unit => new UnitNotEnforced(unit.Number, "no cgroup2 file system is mounted"))] }
            : DesiredCgroups.Of(active, fallback, tree.Named);

    /// <summary>
    /// A program that runs before its cgroup has an entry lets everything pass, to the host's hooks, which judge: so it is attached first, and
    /// taken off last.
    /// </summary>
    /// <returns>By path, why a cgroup could not be attached to.</returns>
    private ImmutableDictionary<string, string> Converge(DesiredCgroups desired)
    {
        var refused = ImmutableDictionary.CreateBuilder<string, string>();
        var attached = new HashSet<ulong>();
        foreach (HostCgroup one in desired.Topmost())
        {
            try
            {
                Hooks.Ensure(tree!, one);
                attached.Add(one.Id);
            }
            catch (KernelException refusal)
            {
                refused.Add(one.Path, refusal.Message);
            }
        }

        DesiredCgroups possible = desired with { Cgroups = [.. desired.Cgroups.Where(one => !IsBelow(refused.Keys, one.Cgroup.Path))] };
        HashSet<ulong> ids = [.. possible.Cgroups.Select(one => one.Cgroup.Id)];
        Dictionary<ulong, DpCgroup> entries = desired.Entries.Where(one => ids.Contains(one.Key)).ToDictionary();
        IReadOnlyDictionary<ulong, DpCgroup> before = _entries.Entries;
        Depths.Update(0, new DpCgroupDepths { Used = possible.Depths() | (Depths.TryLookup(0, out DpCgroupDepths used) ? used.Used : 0) });
        _entries.Put(entries);
        _present = desired with { Entries = entries.ToImmutableSortedDictionary(), Cgroups = possible.Cgroups };
        LookAtSockets();
        _entries.RemoveOthers(entries);
        Depths.Update(0, new DpCgroupDepths { Used = possible.Depths() });
        foreach (ulong id in PinnedOthers(before, attached))
        {
            Hooks.Release(id);
        }

        ForgetUnits(before, entries);
        _isEmpty = desired.Cgroups.IsEmpty;
        return refused.ToImmutable();
    }

    private static bool IsBelow(IEnumerable<string> tops, string path) => tops.Any(top => path == top || path.StartsWith(top + '/', StringComparison.Ordinal));

    private List<ulong> PinnedOthers(IReadOnlyDictionary<ulong, DpCgroup> before, HashSet<ulong> attached) =>
        _hooks is null ? [] : [.. before.Keys.Concat(_hooks.All()).Distinct().Where(id => !attached.Contains(id))];

    /// <summary>A unit whose last cgroup is gone takes its flows along.</summary>
    private void ForgetUnits(IReadOnlyDictionary<ulong, DpCgroup> before, Dictionary<ulong, DpCgroup> now)
    {
        HashSet<int> left = [.. now.Values.SelectMany(UnitsOf)];
        foreach (int unit in before.Values.SelectMany(UnitsOf).Distinct().Where(unit => unit != 0 && !left.Contains(unit)))
        {
            forgetFlows(unit);
        }
    }

    private static int[] UnitsOf(DpCgroup entry) => [entry.Unit, entry.NextUnit, entry.FallbackUnit];

    /// <summary>Nothing where the kernel cannot tell (no udp_diag, or before 5.9): then the host's policy is asked as well, which is too strict.</summary>
    private static ImmutableArray<BoundSocket> ReadSockets()
    {
        try
        {
            return SocketTable.ReadBound();
        }
        catch (KernelException)
        {
            return [];
        }
    }

    private void LookAtSockets()
    {
        _lookedAtSockets = time.GetTimestamp();
        Dictionary<ulong, ulong> owners = [];
        // The deepest unit's comes last, and stays.
        foreach (HostCgroup top in _present.Cgroups.Select(one => one.Cgroup).OrderBy(one => one.Depth))
        {
            foreach (HostCgroup one in tree!.Below(top))
            {
                owners[one.Id] = top.Id;
            }
        }

        Dictionary<DpServedKey, ulong> served = owners.Count == 0 ? [] : ServedPorts.Of(ReadSockets(), id => owners.GetValueOrDefault(id));
        _served.RemoveOthers(served);
        _served.Put(served);
    }
}
