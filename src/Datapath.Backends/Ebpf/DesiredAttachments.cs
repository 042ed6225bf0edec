using System.Collections.Immutable;
using Datapath.Backends.Host;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;

namespace Datapath.Backends.Ebpf;

/// <summary>Where the units of a policy ought to be judged on a host: pure, so that every case is a test without a kernel.</summary>
/// <param name="Interfaces">By interface index, what the kernel is told of it.</param>
/// <param name="Places">The same for people.</param>
/// <param name="NotEnforced">Units without a place.</param>
internal sealed record DesiredAttachments(
    ImmutableSortedDictionary<uint, DpInterface> Interfaces,
    ImmutableArray<(int Unit, HostInterface Interface)> Places,
    ImmutableArray<UnitNotEnforced> NotEnforced
)
{
    /// <summary>Finds the place of each unit.</summary>
    /// <param name="policy">The units and the interfaces that are excluded.</param>
    /// <param name="host">The interfaces that there are.</param>
    public static DesiredAttachments Of(CompiledPolicy policy, HostSnapshot host)
    {
        var places = ImmutableArray.CreateBuilder<(int Unit, HostInterface Interface)>();
        var missing = ImmutableArray.CreateBuilder<UnitNotEnforced>();
        var taken = new HashSet<int>();
        foreach (LocalUnit unit in policy.Units.Where(unit => unit.Attach.Kind == AttachmentKind.Interface))
        {
            HostInterface? own = host.Interfaces.FirstOrDefault(one => one.Name == unit.Attach.Target);
            if (own is null)
            {
                missing.Add(new UnitNotEnforced(unit.Number, $"there is no interface {unit.Attach.Target}"));
            }
            else if (policy.ExcludedInterfaces.Contains(own.Name))
            {
                taken.Add(own.Index);
                missing.Add(new UnitNotEnforced(unit.Number, $"interface {own.Name} is excluded by the enforcer profile"));
            }
            else if (taken.Add(own.Index))
            {
                places.Add((unit.Number, own));
            }
            else
            {
                missing.Add(new UnitNotEnforced(unit.Number, $"interface {own.Name} belongs to another unit"));
            }
        }

        if (policy.Units.Any(unit => unit.Attach.Kind == AttachmentKind.Host))
        {
            places.AddRange(Uplinks(policy, host, taken).Select(uplink => (LocalUnit.HostNumber, uplink)));
        }

        return new DesiredAttachments(
            places.ToImmutableSortedDictionary(place => (uint)place.Interface.Index, place => InterfaceOf(place.Unit, place.Interface)),
            places.ToImmutable(),
            missing.ToImmutable()
        );
    }

    /// <summary>Every interface that is not loopback, not enslaved, not a unit's own and not excluded: the host's packets may cross it.</summary>
    private static IEnumerable<HostInterface> Uplinks(CompiledPolicy policy, HostSnapshot host, HashSet<int> taken) =>
        host.Interfaces.Where(one =>
            !one.IsLoopback && one.Master == 0 && !taken.Contains(one.Index) && !policy.ExcludedInterfaces.Contains(one.Name)
        );

    private static DpInterface InterfaceOf(int unit, HostInterface one) =>
        new()
        {
            Unit = (ushort)unit,
            Role = (byte)(unit == LocalUnit.HostNumber ? DpRole.Host : DpRole.Pod),
            Link = (byte)(one.HasMacHeader ? DpLinkType.Ethernet : DpLinkType.Ip),
            Flags = (byte)(
                Flag(PassesOn(one, one.ForwardsIPv4), DpInterfaceFlags.ForwardsIPv4) | Flag(PassesOn(one, one.ForwardsIPv6), DpInterfaceFlags.ForwardsIPv6)
            ),
        };

    /// <summary>A bridge passes on what a unit sends from one port to another, whatever the host's stack does.</summary>
    private static bool PassesOn(HostInterface one, bool forwards) => forwards || one.Master != 0;

    private static DpInterfaceFlags Flag(bool isOn, DpInterfaceFlags flag) => isOn ? flag : default;
}
