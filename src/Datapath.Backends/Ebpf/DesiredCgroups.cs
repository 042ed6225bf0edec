using System.Collections.Immutable;
using Datapath.Backends.Host;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;

namespace Datapath.Backends.Ebpf;

/// <summary>Which cgroups are whose on a host, by the policy that is active and the one to fall back to: pure but for the look at the tree.</summary>
/// <param name="Entries">By id of a cgroup, what the kernel is told of it.</param>
/// <param name="Cgroups">The same cgroups, by ascending path.</param>
/// <param name="NotEnforced">Units of the active policy without a cgroup.</param>
internal sealed record DesiredCgroups(
    ImmutableSortedDictionary<ulong, DpCgroup> Entries,
    ImmutableArray<(HostCgroup Cgroup, int Unit)> Cgroups,
    ImmutableArray<UnitNotEnforced> NotEnforced
)
{
    /// <summary>Nothing.</summary>
    public static DesiredCgroups None { get; } = new(ImmutableSortedDictionary<ulong, DpCgroup>.Empty, [], []);

    /// <summary>The units of a policy that are cgroups.</summary>
    /// <param name="policy">The policy.</param>
    public static ImmutableArray<LocalUnit> UnitsOf(CompiledPolicy policy) => [.. policy.Units.Where(unit => unit.Attach.Kind == AttachmentKind.Cgroup)];

    /// <summary>Finds the cgroups of each unit.</summary>
    /// <param name="active">The units of the policy that is in force.</param>
    /// <param name="fallback">Those of the policy that is back when a lease runs out; none while nothing is pending.</param>
    /// <param name="find">The cgroups that a path means.</param>
    public static DesiredCgroups Of(ImmutableArray<LocalUnit> active, ImmutableArray<LocalUnit> fallback, Func<string, ImmutableArray<HostCgroup>> find)
    {
        var missing = ImmutableArray.CreateBuilder<UnitNotEnforced>();
        Dictionary<HostCgroup, int> now = Owners(active, find, missing);
        Dictionary<HostCgroup, int> then = Owners(fallback, find, ImmutableArray.CreateBuilder<UnitNotEnforced>());
        HostCgroup[] all = [.. now.Keys.Union(then.Keys).OrderBy(one => one.Path, StringComparer.Ordinal)];
        return new DesiredCgroups(
            all.ToImmutableSortedDictionary(
                one => one.Id,
                one => new DpCgroup { Unit = (ushort)now.GetValueOrDefault(one), FallbackUnit = (ushort)then.GetValueOrDefault(one) }
            ),
            [.. all.Select(one => (one, now.GetValueOrDefault(one)))],
            missing.ToImmutable()
        );
    }

    /// <summary>What an entry says before a switch of generations, so that no packet is judged by a unit that its generation does not have there.</summary>
    /// <param name="present">What stands in the table.</param>
    /// <param name="desired">What ought to stand there once the next generation is active; all zeros for nothing.</param>
    /// <param name="active">The generation that is active.</param>
    /// <param name="next">The generation that will be.</param>
    public static DpCgroup BeforeSwitch(DpCgroup present, DpCgroup desired, uint active, uint next)
    {
        ushort unit = present.NextFrom != 0 && active >= present.NextFrom ? present.NextUnit : present.Unit;
        return unit == desired.Unit
            ? desired
            : new DpCgroup { Unit = unit, FallbackUnit = desired.FallbackUnit, NextUnit = desired.Unit, NextFrom = next };
    }

    /// <summary>Only the topmost of them: what is attached there is attached to those below as well, and would run twice.</summary>
    public IEnumerable<HostCgroup> Topmost() =>
        Cgroups.Select(one => one.Cgroup).Where(one => !Cgroups.Any(other => other.Cgroup.Path != one.Path && other.Cgroup.Holds(one.Path)));

    /// <summary>The bits of their depths.</summary>
    public uint Depths() => Cgroups.Aggregate(0u, (bits, one) => bits | (1u << one.Cgroup.Depth));

    /// <summary>A path that names one cgroup comes before one that means many.</summary>
    private static Dictionary<HostCgroup, int> Owners(
        ImmutableArray<LocalUnit> units,
        Func<string, ImmutableArray<HostCgroup>> find,
        ImmutableArray<UnitNotEnforced>.Builder missing
    )
    {
        var owners = new Dictionary<HostCgroup, int>();
        foreach (LocalUnit unit in units.OrderBy(unit => unit.Attach.Target.Contains('*', StringComparison.Ordinal)).ThenBy(unit => unit.Number))
        {
            ImmutableArray<HostCgroup> found = find(unit.Attach.Target);
            int taken = found.Count(one => one.Depth < Abi.CgroupDepths && owners.TryAdd(one, unit.Number));
            if (taken == 0)
            {
                missing.Add(new UnitNotEnforced(unit.Number, Obstacle(unit.Attach.Target, found)));
            }
        }

        return owners;
    }

    private static string Obstacle(string path, ImmutableArray<HostCgroup> found) =>
        found.IsEmpty ? $"there is no cgroup {path} now; it is judged within a moment of its coming"
        : found.Any(one => one.Depth < Abi.CgroupDepths) ? $"cgroup {path} belongs to another unit"
        : $"cgroup {path} lies more than {Abi.CgroupDepths - 1} levels below the root";
}
