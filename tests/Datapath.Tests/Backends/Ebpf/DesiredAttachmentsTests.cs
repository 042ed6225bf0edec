using System.Collections.Immutable;
using Datapath.Backends.Ebpf;
using Datapath.Backends.Host;
using Datapath.Interop.Netlink;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Xunit;

namespace Datapath.Tests.Backends.Ebpf;

/// <summary>Where the host and its units are judged, on hosts of every shape.</summary>
public sealed class DesiredAttachmentsTests
{
    private static readonly LocalUnit Host = new(LocalUnit.HostNumber, "host", "/t", 0, new Attachment(AttachmentKind.Host, ""));
    private static readonly LocalUnit Web = new(2, "web", "/t", 0, new Attachment(AttachmentKind.Interface, "web0"));
    private static readonly LocalUnit Twin = new(3, "twin", "/t", 0, new Attachment(AttachmentKind.Interface, "web0"));

    [Fact]
    public void The_host_is_judged_wherever_its_packets_enter_the_stack() =>
        Assert.Equal(
            ["1 bond0", "1 br0", "1 br0.7", "1 eth0", "1 eth0.100", "1 tun0"],
            Places(
                [Host],
                new(1, "lo", IsLoopback: true, Master: 0, HasMacHeader: true),
                Device(2, "eth0"),
                Device(3, "eth1", master: 8),
                Device(4, "eth2", master: 9),
                Device(5, "eth0.100") with { Vlan = new VlanPlace(2, new VlanTag(100, VlanTag.CustomerProtocol)) },
                Device(6, "tun0") with { HasMacHeader = false },
                Device(8, "bond0"),
                Device(9, "br0"),
                Device(10, "br0.7") with { Vlan = new VlanPlace(9, new VlanTag(7, VlanTag.CustomerProtocol)) }
            )
        );

    [Fact]
    public void A_units_veth_is_the_units_also_as_a_port_of_a_bridge() =>
        Assert.Equal(["1 br0", "2 web0"], Places([Host, Web], Device(2, "web0", master: 9), Device(9, "br0")));

    [Fact]
    public void What_is_excluded_is_nobodys()
    {
        DesiredAttachments desired = Of([Host, Web], ["eth1", "web0"], Device(2, "eth0"), Device(3, "eth1"), Device(4, "web0"));
        Assert.Equal(["1 eth0"], Places(desired));
        Assert.Equal("interface web0 is excluded by the enforcer profile", Assert.Single(desired.NotEnforced).Reason);
    }

    [Fact]
    public void Of_two_units_at_one_interface_the_first_has_it()
    {
        DesiredAttachments desired = Of([Web, Twin], [], Device(4, "web0"));
        Assert.Equal(["2 web0"], Places(desired));
        Assert.Equal((3, "interface web0 belongs to another unit"), (desired.NotEnforced[0].Unit, desired.NotEnforced[0].Reason));
    }

    [Theory]
    [InlineData(true, false, false, 0, 0)]
    [InlineData(false, true, false, 1, 1)]
    [InlineData(true, false, true, 0, 2)]
    [InlineData(true, true, true, 0, 3)]
    public void The_kernel_is_told_of_link_type_and_forwarding(bool hasMacHeader, bool forwards4, bool forwards6, byte link, byte flags)
    {
        HostInterface device = Device(2, "eth0") with { HasMacHeader = hasMacHeader, ForwardsIPv4 = forwards4, ForwardsIPv6 = forwards6 };
        DpInterface told = Of([Host], [], device).Interfaces[2];
        Assert.Equal((1, (byte)DpRole.Host, link, flags, 0u), (told.Unit, told.Role, told.Link, told.Flags, told.NextFrom));
    }

    [Fact]
    public void A_port_of_a_bridge_passes_packets_on_whatever_the_stack_does()
    {
        DesiredAttachments desired = Of([Web], [], Device(2, "web0", master: 9), Device(9, "br0"));
        Assert.Equal((byte)(DpInterfaceFlags.ForwardsIPv4 | DpInterfaceFlags.ForwardsIPv6), desired.Interfaces[2].Flags);
    }

    private static HostInterface Device(int index, string name, int master = 0) => new(index, name, IsLoopback: false, master, HasMacHeader: true);

    private static string[] Places(ImmutableArray<LocalUnit> units, params HostInterface[] interfaces) => Places(Of(units, [], interfaces));

    private static string[] Places(DesiredAttachments desired) =>
        [.. desired.Places.Select(place => $"{place.Unit} {place.Interface.Name}").Order(StringComparer.Ordinal)];

    private static DesiredAttachments Of(ImmutableArray<LocalUnit> units, ImmutableArray<string> excluded, params HostInterface[] interfaces) =>
        DesiredAttachments.Of(PolicyOf(units, excluded), new HostSnapshot([.. interfaces], [], []));

    /// <summary>A policy of which only units and exclusions matter.</summary>
    private static CompiledPolicy PolicyOf(ImmutableArray<LocalUnit> units, ImmutableArray<string> excluded) =>
        new()
        {
            Peers = new PeerMap(ClassCount: 1, [new(0, 0, 0)], [new(0, 0, 0)]),
            Ports = new PortMap(1, []),
            Policies = [],
            Rows = [],
            Descriptors = [],
            LocalDescriptor = 0,
            Units = units,
            ExcludedInterfaces = excluded,
            Rules = [],
        };
}
