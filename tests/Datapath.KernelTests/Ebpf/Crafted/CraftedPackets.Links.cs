using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf.Crafted;

/// <content>What stands before the IP header, and where a packet is met.</content>
internal sealed partial class CraftedPackets
{
    private IEnumerable<CraftedPacket> Links()
    {
        byte[] allowed = IPv4(Friend, Host, Tcp, Syn80());
        byte[] denied = IPv4(Friend, Host, Tcp, Syn81());
        byte[] arp = new byte[28];
        return
        [
            new("one vlan tag", Ethernet(IPv4(Friend, Host, Tcp, Syn80()), null, 5), Allowed),
            new("one vlan tag and a port that is not allowed", Ethernet(denied, null, 5), Denied),
            new("a priority is no vlan", Ethernet(IPv4(Friend, Host, Tcp, Syn80()), null, 0), Allowed),
            new("two vlan tags", Ethernet(IPv4(Friend, Host, Tcp, Syn80()), null, 5, 6), Allowed),
            new("two vlan tags and a port that is not allowed", Ethernet(denied, null, 5, 6), Denied),
            new("two vlan tags before ipv6", Ethernet(IPv6(Friend6, Host6, Tcp, Syn80()), null, 5, 6), Allowed),
            new("a provider's tag", ByProvider(Ethernet(IPv4(Friend, Host, Tcp, Syn80()), null, 5)), Allowed),
            new("a provider's tag before a customer's", ByProvider(Ethernet(denied, null, 5, 6)), Denied),
            new("three vlan tags", Ethernet(allowed, null, 5, 6, 7), TooMany),
            new("a vlan tag that ends the frame", Ethernet(denied, null, 5)[..17], Short),
            new("a second vlan tag that ends the frame", Ethernet(denied, null, 5, 6)[..20], Short),
            new("version 6 behind the tag of ipv4", Ethernet(IPv4(Friend, Host, Tcp, Syn80(), new IPv4Fields { Version = 6 }), 0x0800, 5), Bad),
            new("arp", Ethernet(arp, 0x0806), NotIP),
            new("arp in a vlan", Ethernet(arp, 0x0806, 5), NotIP),
            new("reverse arp", Ethernet(arp, 0x8035), NotIP),
            new("lldp", Ethernet(arp, 0x88cc), NotIP),
            new("eapol", Ethernet(arp, 0x888e), NotIP),
            new("macsec", Ethernet(arp, 0x88e5), NotIP),
            new("mpls", Ethernet([0, 0, 0x11, 64, .. denied], 0x8847), NotIP),
            new("pppoe", Ethernet([0x11, 0, 0, 1, 0, 42, 0, 0x21, .. denied], 0x8864), NotIP),
            new("a length instead of a type", Ethernet(arp, 28), NotIP),
            new("ipx", Ethernet(arp, 0x8137), NotIP),
            new("the type below ipv4", Ethernet(denied, 0x07ff), NotIP),
            new("the type above ipv4", Ethernet(denied, 0x0801), NotIP),
            new("the type above ipv6", Ethernet(IPv6(Friend6, Host6, Tcp, Syn81()), 0x86de), NotIP),
            new("ipv6 in a frame of ipv4", Ethernet(IPv6(Friend6, Host6, Tcp, Syn80()), 0x0800), Bad),
            new("ipv4 in a frame of ipv6", Ethernet([.. allowed, .. new byte[20]], 0x86dd), Bad),
            new("a frame for another station", [.. denied.Length > 0 ? Ethernet(denied)[..5] : [], 9, .. Ethernet(denied)[6..]], "pass other_station"),
        ];
    }

    private IEnumerable<CraftedPacket> Hooks() =>
        [
            new("the host asks a friend", Ethernet(IPv4(Host, Friend, Tcp, TcpHeader(_port++, 443, Syn))), "pass everyone out 1") { IsInwards = false },
            new("the host asks a friend for something else", Ethernet(IPv4(Host, Friend, Tcp, TcpHeader(_port++, 444, Syn))), "drop Policy default out") { IsInwards = false },
            new("the host asks a stranger's name server", Ethernet(IPv4(Host, Stranger, Udp, UdpHeader(_port++, 53))), "pass Failsafe udp/53") { IsInwards = false },
            new("somebody else's packet leaves", Ethernet(IPv4(Web, Stranger, Tcp, TcpHeader(_port++, 444, Syn))), Forwarded) { IsInwards = false, IsForwarded = true },
            Pod("the pod asks a friend", IPv4(Web, Friend, Tcp, TcpHeader(_port++, 443, Syn)), "pass everyone out 1"),
            Pod("the pod asks a friend for something else", IPv4(Web, Friend, Tcp, TcpHeader(_port++, 444, Syn)), "drop Policy default out"),
            Pod("the pod asks itself", IPv4(Web, Web, Tcp, TcpHeader(_port++, 444, Syn)), "pass Local local"),
            Pod("the pod asks the host", IPv4(Web, Host, Tcp, TcpHeader(_port++, 80, Syn)), "drop Policy default out"),
            Pod("the pod hides behind three tags", IPv4(Web, Friend, Tcp, TcpHeader(_port++, 444, Syn)), TooMany, 5, 6, 7),
            Pod("the pod hides behind a tag", IPv4(Web, Friend, Tcp, TcpHeader(_port++, 444, Syn)), "drop Policy default out", 5),
            ToPod("a friend asks the pod", IPv4(Friend, Web, Tcp, TcpHeader(_port++, 80, Syn)), Allowed),
            ToPod("a friend asks the pod for something else", IPv4(Friend, Web, Tcp, TcpHeader(_port++, 81, Syn)), Denied),
            ToPod("somebody claims to be the pod", IPv4(Web, Web, Tcp, TcpHeader(_port++, 80, Syn)), Denied),
            ToPod("the host asks the pod", IPv4(Host, Web, Tcp, TcpHeader(_port++, 80, Syn)), "drop Policy default out") with { IsForwarded = false },
            ToPod("an unreadable packet for the pod", IPv4(Friend, Web, Tcp, Syn80(), new IPv4Fields { HeaderWords = 4 }), Bad),
            .. Segments(0, "pass everyone in 1"),
            .. Segments(1, "pass everyone in 1"),
            .. Segments(2, "pass everyone in 1 x2"),
            .. Segments(45, "pass everyone in 1 x45"),
            .. Segments(65535, "pass everyone in 1 x65535"),
        ];

    private static IEnumerable<CraftedPacket> Segments(int segments, string expected)
    {
        yield return V4($"a buffer of {segments} segments", Tcp, TcpHeader(3, 80, Ack), expected) with { Segments = segments };
        yield return V4($"a buffer of {segments} segments that is dropped", Tcp, TcpHeader(3, 81, Ack), Denied + expected["pass everyone in 1".Length..]) with { Segments = segments };
    }

    private static CraftedPacket Pod(string name, byte[] ip, string expected, params ushort[] tags) => new(name, Ethernet(ip, null, tags), expected) { Interface = "web0" };

    private static CraftedPacket ToPod(string name, byte[] ip, string expected) =>
        new(name, Ethernet(ip), expected) { Interface = "web0", IsInwards = false, IsForwarded = true };

    /// <summary>The same tag, but a provider's (802.1ad).</summary>
    private static byte[] ByProvider(byte[] tagged) => [.. tagged[..12], 0x88, 0xa8, .. tagged[14..]];
}
