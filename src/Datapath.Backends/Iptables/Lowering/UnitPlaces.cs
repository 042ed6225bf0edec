using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Datapath.Backends.Host;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;

namespace Datapath.Backends.Iptables.Lowering;

/// <summary>Where the units of a policy are to be judged.</summary>
/// <param name="Host">The host itself; null when it is not judged.</param>
/// <param name="Pods">Units behind an interface of their own, by ascending number.</param>
/// <param name="NotEnforced">Units without a place.</param>
internal sealed record UnitPlaces(LocalUnit? Host, ImmutableArray<(LocalUnit Unit, HostInterface Interface)> Pods, ImmutableArray<UnitNotEnforced> NotEnforced)
{
    // Each is one more rule for packets that are for somebody else.
    private const int MostUsualAddresses = 4;

    /// <summary>
    /// Addresses of the host's interfaces that are worth a rule of their own before the kernel's tables are asked whether an address is the
    /// host's; none where there are so many that this would not be quicker.
    /// </summary>
    /// <param name="isIPv6">Of which family.</param>
    public ImmutableArray<IPAddress> UsualAddresses(bool isIPv6)
    {
        AddressFamily family = isIPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
        ImmutableArray<IPAddress> found = [.. Addresses.Where(one => one.AddressFamily == family && !one.IsIPv6LinkLocal)];
        return found.Length <= MostUsualAddresses ? found : [];
    }

    /// <summary>Cgroups that are units, the deepest first.</summary>
    public ImmutableArray<(LocalUnit Unit, HostCgroup Cgroup)> Cgroups { get; init; } = [];

    /// <summary>Addresses of the host's interfaces.</summary>
    public ImmutableArray<IPAddress> Addresses { get; init; } = [];

    /// <summary>Finds the place of each unit.</summary>
    /// <param name="policy">The units.</param>
    /// <param name="host">The interfaces that there are.</param>
    /// <param name="cgroups">The cgroups that a path of a policy means now; null where there is no hierarchy of them.</param>
    /// <param name="cgroupObstacle">Why no cgroup can be judged; null where they can.</param>
    public static UnitPlaces Of(
        CompiledPolicy policy,
        HostSnapshot host,
        Func<string, ImmutableArray<HostCgroup>>? cgroups = null,
        string? cgroupObstacle = null
    )
    {
        var pods = ImmutableArray.CreateBuilder<(LocalUnit, HostInterface)>();
        var missing = ImmutableArray.CreateBuilder<UnitNotEnforced>();
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (LocalUnit unit in policy.Units.Where(unit => unit.Attach.Kind == AttachmentKind.Interface))
        {
            string name = unit.Attach.Target;
            HostInterface? own = host.Interfaces.FirstOrDefault(one => one.Name == name);
            string? obstacle = own switch
            {
                null => $"there is no interface {name}",
                _ when policy.ExcludedInterfaces.Contains(name) => $"interface {name} is excluded by the enforcer profile",
                _ when own.Master != 0 => $"interface {name} is a port of a bridge or bond, where iptables does not see its packets",
                _ when !IsPlainName(name) => $"iptables takes no interface with the name {name}",
                _ when !taken.Add(name) => $"interface {name} belongs to another unit",
                _ => null,
            };
            if (obstacle is null)
            {
                pods.Add((unit, own!));
            }
            else
            {
                missing.Add(new UnitNotEnforced(unit.Number, obstacle));
            }
        }

        ImmutableArray<(LocalUnit, HostCgroup)> found = cgroupObstacle is null ? CgroupPlaces.Of(policy, cgroups ?? (_ => []), missing) : [];
        missing.AddRange(cgroupObstacle is null ? [] : CgroupPlaces.NoneOf(policy, cgroupObstacle));
        return new UnitPlaces(
            policy.Units.FirstOrDefault(unit => unit.Attach.Kind == AttachmentKind.Host),
            pods.ToImmutable(),
            missing.ToImmutable()
        )
        {
            Addresses = host.Addresses,
            Cgroups = found,
        };
    }

    /// <summary>Whether a name means one interface: a plus at its end would mean all that begin so, and other signs end an argument.</summary>
    /// <param name="name">Name of an interface.</param>
    public static bool IsPlainName(string name) => name.Length > 0 && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '_' or '.' or '-' or '@');
}
