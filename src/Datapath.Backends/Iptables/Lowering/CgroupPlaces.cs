using System.Collections.Immutable;
using System.Globalization;
using Datapath.Backends.Host;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;

namespace Datapath.Backends.Iptables.Lowering;

/// <summary>Which cgroups are units of a policy: what their sockets send is judged by the unit instead of the host.</summary>
internal static class CgroupPlaces
{
    // struct xt_cgroup_info_v2 of linux/netfilter/xt_cgroup.h: 512 bytes with the zero at their end.
    private const int LongestPath = 511;

    /// <summary>
    /// Why the legacy variant gets no rule of a cgroup. It gives the kernel the whole table at each change, whoever makes it, and the kernel looks for
    /// each path again (cgroup_mt_check_v2 of net/netfilter/xt_cgroup.c): one that is gone would keep everybody from changing the table.
    /// </summary>
    public const string LegacyObstacle =
        "rules of cgroups need the nft variant of iptables, or eBPF: with the legacy one nobody could change the table any more once the cgroup is gone";

    /// <summary>Finds the cgroups of each unit, the deepest first: a match takes what lies below as well.</summary>
    /// <param name="policy">The units.</param>
    /// <param name="find">The cgroups that a path means.</param>
    /// <param name="missing">Receives the units without one.</param>
    public static ImmutableArray<(LocalUnit Unit, HostCgroup Cgroup)> Of(
        CompiledPolicy policy,
        Func<string, ImmutableArray<HostCgroup>> find,
        ImmutableArray<UnitNotEnforced>.Builder missing
    )
    {
        var owners = new Dictionary<string, (LocalUnit Unit, HostCgroup Cgroup)>(StringComparer.Ordinal);
        // A path that names one cgroup comes before one that means many.
        IEnumerable<LocalUnit> units = policy.Units.Where(unit => unit.Attach.Kind == AttachmentKind.Cgroup);
        foreach (LocalUnit unit in units.OrderBy(unit => unit.Attach.Target.Contains('*', StringComparison.Ordinal)).ThenBy(unit => unit.Number))
        {
            ImmutableArray<HostCgroup> found = find(unit.Attach.Target);
            bool hasOne = false;
            foreach (HostCgroup one in found.Where(one => IsPlainPath(one.Path)))
            {
                hasOne |= owners.TryAdd(one.Path, (unit, one));
            }

            if (!hasOne)
            {
                missing.Add(new UnitNotEnforced(unit.Number, Obstacle(unit.Attach.Target, found)));
            }
        }

        return [.. owners.Values.OrderByDescending(one => one.Cgroup.Depth).ThenBy(one => one.Cgroup.Path, StringComparer.Ordinal)];
    }

    /// <summary>Matches what the sockets of a cgroup send. The kernel's number of it makes the rule another one when the cgroup is made anew.</summary>
    /// <param name="cgroup">The cgroup.</param>
    public static string Matches(HostCgroup cgroup) =>
        string.Create(CultureInfo.InvariantCulture, $"-m cgroup --path \"{cgroup.Path[1..].Replace("\\", "\\\\", StringComparison.Ordinal)}\" -m comment --comment g{cgroup.Id} ");

    /// <summary>Units of a policy that are cgroups, where none of them can be judged.</summary>
    /// <param name="policy">The units.</param>
    /// <param name="obstacle">Why not.</param>
    public static IEnumerable<UnitNotEnforced> NoneOf(CompiledPolicy policy, string obstacle) =>
        policy.Units.Where(unit => unit.Attach.Kind == AttachmentKind.Cgroup).Select(unit => new UnitNotEnforced(unit.Number, obstacle));

    private static bool IsPlainPath(string path) =>
        path.Length <= LongestPath && path.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '/' or '_' or '.' or '-' or '@' or ':' or '\\');

    private static string Obstacle(string path, ImmutableArray<HostCgroup> found) =>
        found.IsEmpty ? $"there is no cgroup {path} now; it is judged within a moment of its coming"
        : found.Any(one => IsPlainPath(one.Path)) ? $"cgroup {path} belongs to another unit"
        : $"iptables takes no cgroup with the path {path}";
}
