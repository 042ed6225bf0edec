using System.Collections.Immutable;
using System.Net;
using Datapath.Backends.Host;
using Datapath.Flows;
using Datapath.Interop.Netlink;
using Datapath.KernelTests.Support;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>Crafted frames at the host's uplink: which are the host's, and where they are judged.</summary>
public sealed class HostRoleTests : IDisposable
{
    private const string Stranger = "10.8.1.1";
    private const string Stranger6 = "2001:db8:8::1";
    private const ushort Vlan = 100;

    private readonly ProgramLab _lab = new();

    [KernelTheory]
    [InlineData(false, false, false, false)]
    [InlineData(true, false, true, false)]
    [InlineData(false, true, false, true)]
    [InlineData(true, true, true, true)]
    public void Everything_is_the_hosts_where_its_family_is_not_forwarded(bool forwards4, bool forwards6, bool passes4, bool passes6)
    {
        _lab.Host = host => With(host, one => one with { ForwardsIPv4 = forwards4, ForwardsIPv6 = forwards6 });
        _lab.Apply(Policies.Friends);
        Assert.Equal(passes4, Passes(To("10.77.0.1")));
        Assert.Equal(passes6, Passes(To("2001:db8:77::1")));
        Assert.Equal((passes4 ? 1 : 0) + (passes6 ? 1 : 0), Statistic("forwarded"));
    }

    [KernelFact]
    public void A_pods_packet_to_elsewhere_is_the_hosts_too_where_nothing_is_forwarded()
    {
        byte[] frame = Ethernet(IPv4("10.1.0.2", "10.9.1.1", Tcp, TcpHeader(40000, 443, Syn)));
        _lab.Apply(Policies.Friends);
        Assert.True(_lab.Passes("web0", ingress: true, frame));
        _lab.Host = host => With(host, one => one with { ForwardsIPv4 = false });
        _lab.Apply(Policies.Friends);
        Assert.False(_lab.Passes("web0", ingress: true, frame));
    }

    [KernelTheory]
    [InlineData("10.54.255.255", true)]
    [InlineData("10.55.0.0", false)]
    [InlineData("10.55.255.255", false)]
    [InlineData("10.56.0.0", true)]
    [InlineData("10.66.0.7", false)]
    [InlineData("10.66.0.8", true)]
    [InlineData("2001:db8:54:ffff:ffff:ffff:ffff:ffff", true)]
    [InlineData("2001:db8:55::", false)]
    [InlineData("2001:db8:55:ffff:ffff:ffff:ffff:ffff", false)]
    [InlineData("2001:db8:56::", true)]
    public void A_prefix_that_is_routed_to_the_host_is_the_hosts_to_its_last_address(string destination, bool passes)
    {
        _lab.Host = host => host with { LocalNetworks = Networks("10.55.0.0/16", "10.66.0.7/32", "2001:db8:55::/48") };
        _lab.Apply(Policies.Friends);
        Assert.Equal(passes, Passes(To(destination)));
        // And no longer when the route is gone.
        _lab.Host = host => host;
        _lab.Apply(Policies.Friends);
        Assert.True(Passes(To(destination)));
    }

    [KernelTheory]
    [InlineData("0.0.0.0")]
    [InlineData("127.3.2.1")]
    [InlineData("224.0.0.251")]
    [InlineData("255.255.255.255")]
    [InlineData("ff02::fb")]
    public void What_no_route_says_and_the_kernel_takes_all_the_same_is_the_hosts(string destination)
    {
        _lab.Apply(Policies.Friends);
        Assert.False(Passes(To(destination)));
        Assert.Equal(0, Statistic("forwarded"));
    }

    [KernelFact]
    public void Every_address_of_one_family_is_none_of_the_other()
    {
        _lab.Host = host => host with { LocalNetworks = Networks("::/0") };
        _lab.Apply(Policies.Friends);
        Assert.False(Passes(To("2001:db8:77::1")));
        Assert.True(Passes(To("10.77.0.1")));
        _lab.Host = host => host with { LocalNetworks = Networks("0.0.0.0/0") };
        _lab.Apply(Policies.Friends);
        Assert.True(Passes(To("2001:db8:77::1")));
        Assert.False(Passes(To("10.77.0.1")));
    }

    [KernelFact]
    public void A_tagged_frame_is_judged_once_and_where_the_vlan_interface_is()
    {
        AddVlan("up0");
        _lab.Apply(Policies.Friends);
        byte[] denied = IPv4(Stranger, "10.0.0.1", Tcp, TcpHeader(40000, 80, Syn));
        Assert.True(Passes(Ethernet(denied, null, Vlan)));
        Assert.True(Passes(Ethernet(denied, null, Vlan, 6)));
        Assert.True(_lab.Passes("up0", ingress: false, Ethernet(denied, null, Vlan)));
        Assert.Equal(3, Statistic("vlan_passed"));
        Assert.Empty(_lab.TakeEvents());
        Assert.Empty(_lab.Backend.ReadCounters().Drops);

        Assert.False(_lab.Passes("vlan100", ingress: true, Ethernet(denied)));
        Assert.False(_lab.Passes("vlan100", ingress: true, Ethernet(denied, null, 6)));
        Assert.Equal(2, _lab.TakeEvents().Length);
    }

    [KernelFact]
    public void A_tag_without_an_interface_is_judged_at_the_device_below()
    {
        AddVlan("up0");
        _lab.Apply(Policies.Friends);
        byte[] denied = IPv4(Stranger, "10.0.0.1", Tcp, TcpHeader(40000, 80, Syn));
        Assert.False(Passes(Ethernet(denied, null, Vlan + 1)));
        Assert.False(Passes(Ethernet(denied, null, 6, Vlan)));
        Assert.False(Passes(Ethernet(denied, null, 0)));
        Assert.False(Passes(Ethernet(denied)));
        Assert.False(Passes(ByProvider(Ethernet(denied, null, Vlan))));
        Assert.Equal(0, Statistic("vlan_passed"));
        // Not for the host, and of a VLAN that is another namespace's.
        _lab.Host = host => With(host, one => one with { ForwardsIPv4 = false });
        _lab.Apply(Policies.Friends);
        Assert.True(Passes(Ethernet(IPv4(Stranger, "10.77.0.1", Tcp, TcpHeader(40000, 80, Syn)), null, Vlan + 1)));
        // Its interface is gone as well.
        Assert.False(Passes(Ethernet(denied, null, Vlan)));
    }

    [KernelFact]
    public void A_unit_does_not_escape_its_policy_by_a_tag()
    {
        AddVlan("web0");
        _lab.Apply(Policies.Friends);
        byte[] denied = IPv4("10.1.0.2", "10.9.1.1", Tcp, TcpHeader(40000, 444, Syn));
        Assert.False(_lab.Passes("web0", ingress: true, Ethernet(denied, null, Vlan)));
        int judge = Assert.Single(_lab.TakeEvents()).Unit;
        Assert.Equal("web", _lab.Policy!.Units.Single(unit => unit.Number == judge).Name);
    }

    [KernelFact]
    public void A_frame_for_another_station_is_left_to_it_and_counted()
    {
        _lab.Apply(Policies.Friends);
        byte[] denied = Ethernet(IPv4(Stranger, "10.0.0.1", Tcp, TcpHeader(40000, 80, Syn)));
        byte[] elsewhere = [.. denied];
        elsewhere[5] = 9;
        Assert.False(Passes(denied));
        Assert.True(Passes(elsewhere));
        Assert.Equal(1, Statistic("other_station"));
        // A unit speaks through a bridge to other stations, and is judged all the same.
        byte[] sent = Ethernet(IPv4("10.1.0.2", "10.9.1.1", Tcp, TcpHeader(40000, 444, Syn)));
        sent[5] = 9;
        Assert.False(_lab.Passes("web0", ingress: true, sent));
    }

    [KernelTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_device_whose_packets_have_another_beginning_than_the_agent_knows_is_closed(bool ingress)
    {
        _lab.Host = host => With(host, one => one with { HasMacHeader = false });
        _lab.Apply(Policies.Friends);
        Assert.False(_lab.Passes("up0", ingress, To("10.0.0.1")));
        Assert.False(_lab.Passes("up0", ingress, To("2001:db8::1")));
        Assert.Equal(2, _lab.Backend.ReadCounters().Drops[DropReason.LinkType].Packets);
        Assert.All(_lab.TakeEvents(), one => Assert.Equal(DropReason.LinkType, one.Reason));
    }

    /// <inheritdoc/>
    public void Dispose() => _lab.Dispose();

    /// <summary>A device that stands in for the VLAN interface of tag 100: this is about the frames, and not every kernel has VLANs.</summary>
    private void AddVlan(string lower)
    {
        _lab.AddInterface("vlan100");
        var place = new VlanPlace(_lab.Interface(lower).Index, new VlanTag(Vlan, VlanTag.CustomerProtocol));
        HostInterface vlan = _lab.Interface("vlan100") with { Vlan = place, ForwardsIPv4 = true };
        _lab.Host = host => host with { Interfaces = host.Interfaces.Add(vlan) };
    }

    private bool Passes(byte[] frame) => _lab.Passes("up0", ingress: true, frame);

    private long Statistic(string name) => _lab.Backend.ReadCounters().Statistics[name];

    /// <summary>A SYN of a stranger, whom no rule allows anything.</summary>
    private static byte[] To(string destination) =>
        Ethernet(
            destination.Contains(':', StringComparison.Ordinal)
                ? IPv6(Stranger6, destination, Tcp, TcpHeader(40000, 80, Syn))
                : IPv4(Stranger, destination, Tcp, TcpHeader(40000, 80, Syn))
        );

    /// <summary>The same tag, but a provider's (802.1ad).</summary>
    private static byte[] ByProvider(byte[] tagged)
    {
        (tagged[12], tagged[13]) = (0x88, 0xa8);
        return tagged;
    }

    private static ImmutableArray<IPNetwork> Networks(params string[] networks) => [.. networks.Select(IPNetwork.Parse)];

    private static HostSnapshot With(HostSnapshot host, Func<HostInterface, HostInterface> change) =>
        host with { Interfaces = [.. host.Interfaces.Select(change)] };
}
