using System.Net;
using Datapath.Backends.Ebpf;
using Datapath.Interop.Netlink;
using Xunit;

namespace Datapath.Tests.Backends.Ebpf;

/// <summary>Which ports are left to the cgroup of their sockets.</summary>
public sealed class ServedPortsTests
{
    private const ulong Unit = 7;
    private const ulong Other = 8;
    private const ulong Host = 0;

    [Fact]
    public void A_port_of_a_unit_alone_is_the_units() =>
        Assert.Equal(["17 10.0.0.1:53 7", "6 10.0.0.1:80 7"], Table(Tcp("10.0.0.1:80", Unit), Udp("10.0.0.1:53", Unit), Tcp("10.0.0.1:81", Host)));

    [Fact]
    public void A_port_that_the_host_shares_is_the_hosts() => Assert.Empty(Table(Tcp("10.0.0.1:80", Unit), Tcp("10.0.0.1:80", Host)));

    [Fact]
    public void A_port_that_two_units_share_is_the_hosts() => Assert.Empty(Table(Tcp("0.0.0.0:80", Unit), Tcp("0.0.0.0:80", Other)));

    [Fact]
    public void An_address_of_the_host_comes_before_every_address_of_a_unit() =>
        Assert.Equal(["6 0.0.0.0:80 7", "6 10.0.0.1:80 0"], Table(Tcp("0.0.0.0:80", Unit), Tcp("10.0.0.1:80", Host)));

    [Fact]
    public void Every_address_of_IPv6_is_every_address_of_IPv4_too() => Assert.Equal(["6 0.0.0.0:80 7", "6 [::]:80 7"], Table(Tcp("[::]:80", Unit)));

    [Fact]
    public void Unless_it_is_for_IPv6_only() => Assert.Equal(["6 [::]:80 7"], Table(Tcp("[::]:80", Unit) with { IsForIPv6Only = true }));

    [Fact]
    public void The_other_family_may_be_somebody_elses() =>
        Assert.Equal(["6 0.0.0.0:80 0", "6 [::]:80 7"], Table(Tcp("[::]:80", Unit) with { IsForIPv6Only = true }, Tcp("0.0.0.0:80", Host)));

    [Fact]
    public void A_protocol_is_not_the_other() => Assert.Equal(["6 0.0.0.0:53 7"], Table(Tcp("0.0.0.0:53", Unit), Udp("0.0.0.0:53", Host)));

    [Fact]
    public void A_socket_without_a_port_has_none() => Assert.Empty(Table(Udp("0.0.0.0:0", Unit)));

    private static BoundSocket Tcp(string local, ulong cgroup) => new(6, IPEndPoint.Parse(local), IsForIPv6Only: false, cgroup);

    private static BoundSocket Udp(string local, ulong cgroup) => new(17, IPEndPoint.Parse(local), IsForIPv6Only: false, cgroup);

    private static IEnumerable<string> Table(params BoundSocket[] sockets) =>
        ServedPorts
            .Of(sockets, cgroup => cgroup)
            .Select(one => $"{one.Key.Protocol} {EndOf(one.Key)} {one.Value}")
            .Order(StringComparer.Ordinal);

    private static IPEndPoint EndOf(DpServedKey key)
    {
        IPAddress address = AddressCodec.Decode(key.Address, ipv6: true);
        return new IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, (ushort)IPAddress.NetworkToHostOrder((short)key.PortBigEndian));
    }
}
