using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf.Crafted;

/// <content>Whole packets: addresses and ports at the edges of the policy, and whose they are.</content>
internal sealed partial class CraftedPackets
{
    private IEnumerable<CraftedPacket> Addresses() =>
        [
            V4("tcp to an allowed port", Tcp, Syn80(), Allowed),
            V4("tcp to the port above", Tcp, Syn81(), Denied),
            V4("tcp to the port below", Tcp, TcpHeader(40000, 79, Syn), Denied),
            V4("tcp port 0", Tcp, TcpHeader(40000, 0, Syn), Denied),
            V4("tcp port 65535", Tcp, TcpHeader(40000, 65535, Syn), Denied),
            V4("tcp without any flag", Tcp, TcpHeader(1, 80, 0), Allowed),
            V4("tcp with every flag", Tcp, TcpHeader(2, 80, 0xff), Allowed),
            From("10.9.9.1", "tcp from the hole in the network", Tcp, Syn80(), Denied),
            From("10.9.8.255", "tcp from the last address before the hole", Tcp, Syn80(), Allowed),
            From("10.9.10.0", "tcp from the first address after the hole", Tcp, Syn80(), Allowed),
            From("10.8.255.255", "tcp from the address before the network", Tcp, Syn80(), Denied),
            From("10.10.0.0", "tcp from the address after the network", Tcp, Syn80(), Denied),
            From(Stranger, "tcp from a stranger", Tcp, Syn80(), Denied),
            From(Stranger, "tcp to the failsafe port", Tcp, TcpHeader(40000, 22, Syn), "pass Failsafe tcp/22"),
            V4("udp to an allowed port", Udp, Query(), Allowed),
            V4("udp to another port", Udp, UdpHeader(40000, 54), Denied),
            V4("udp port 0", Udp, UdpHeader(40000, 0), Denied),
            V4("ping", Icmp, IcmpHeader(8, 0), Allowed),
            V4("ping reply that nobody asked for", Icmp, IcmpHeader(0, 0, id: 77), Denied),
            V4("icmp of another type", Icmp, IcmpHeader(13, 0), Denied),
            V4("icmp of type 255", Icmp, IcmpHeader(255, 255), Denied),
            V4("a protocol without ports that is allowed", Gre, [0, 0, 8, 0], Allowed),
            V4("the protocol below it", 46, [0, 0, 8, 0], Denied),
            V4("the protocol above it", 48, [0, 0, 8, 0], Denied),
            V4("protocol 0", 0, [0, 0, 8, 0], Denied),
            V4("protocol 255", 255, [0, 0, 8, 0], Denied),
            From("10.9.1.2", "a protocol without ports and without payload", Gre, [], Allowed),
            V6("ipv6 tcp", Tcp, Syn80(), Allowed),
            V6("ipv6 tcp to another port", Tcp, Syn81(), Denied),
            From(Stranger6, "ipv6 tcp from a stranger", Tcp, Syn80(), Denied),
            From("2001:db8:8:ffff:ffff:ffff:ffff:ffff", "ipv6 from the address before the network", Tcp, Syn80(), Denied),
            From("2001:db8:9:ffff:ffff:ffff:ffff:ffff", "ipv6 from the last address of the network", Tcp, Syn80(), Allowed),
            From("2001:db8:a::", "ipv6 from the address after the network", Tcp, Syn80(), Denied),
            V6("ipv6 udp", Udp, Query(), Allowed),
            V6("ipv6 ping", Icmp6, IcmpHeader(128, 0), Allowed),
            From("::ffff:10.9.1.1", "an ipv6 packet from an ipv4 address in ipv6's clothes", Tcp, Syn80(), Denied),
            V6("icmp in an ipv6 packet", Icmp, IcmpHeader(8, 0), Allowed),
            V4("icmpv6 in an ipv4 packet", Icmp6, IcmpHeader(128, 0), Allowed),
            new("neighbour solicitation on the link", Ethernet(IPv6(Stranger6, Host6, Icmp6, IcmpHeader(135, 0), hopLimit: 255)), "pass BuiltIn neighbour-solicitation"),
            new("neighbour solicitation that crossed a router", Ethernet(IPv6(Stranger6, Host6, Icmp6, IcmpHeader(135, 0), hopLimit: 254)), Denied),
            new("neighbour advertisement to everybody", Ethernet(IPv6(Stranger6, "ff02::1", Icmp6, IcmpHeader(136, 0), hopLimit: 255)), "pass BuiltIn neighbour-advertisement"),
            new("multicast is the host's", Ethernet(IPv4(Stranger, "224.0.0.251", Udp, UdpHeader(5353, 5353))), Denied),
            new("broadcast of the network is the host's", Ethernet(IPv4(Stranger, "10.0.0.255", Udp, Query())), Denied),
            new("broadcast of everyone is the host's", Ethernet(IPv4("0.0.0.0", "255.255.255.255", Udp, UdpHeader(67, 68))), "pass Failsafe udp/68"),
            new("loopback is the host's", Ethernet(IPv4(Stranger, "127.0.0.1", Udp, Query())), Denied),
            new("ipv6 multicast is the host's", Ethernet(IPv6(Stranger6, "ff02::fb", Udp, UdpHeader(5353, 5353))), Denied),
            new("what is not for the host is passed on", Ethernet(IPv4(Stranger, "10.77.0.1", Tcp, Syn81())), Forwarded),
            new("ipv6 that is not for the host is passed on", Ethernet(IPv6(Stranger6, "2001:db8:77::1", Tcp, Syn81())), Forwarded),
        ];
}
