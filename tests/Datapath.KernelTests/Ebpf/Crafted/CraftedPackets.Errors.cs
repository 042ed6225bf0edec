using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf.Crafted;

/// <content>ICMP errors: about a flow of the host's, about none, and about nothing that can be read.</content>
internal sealed partial class CraftedPackets
{
    private const ushort Asker = 50000;
    private const string OfFlow = "pass everyone out 1";

    private IEnumerable<CraftedPacket> Errors()
    {
        byte[] about = IPv4(Host, Friend, Udp, UdpHeader(Asker, 123));
        byte[] about6 = IPv6(Host6, Friend6, Tcp, TcpHeader(Asker, 443, Ack));
        return
        [
            Error("an error about no flow", 3, 3, about, Denied),
            new("a question that opens a flow", Ethernet(about), OfFlow) { IsInwards = false },
            new("a connection that opens another", Ethernet(IPv6(Host6, Friend6, Tcp, TcpHeader(Asker, 443, Syn))), OfFlow) { IsInwards = false },
            Error("port unreachable about the question", 3, 3, about, OfFlow),
            Error("fragmentation needed", 3, 4, about, OfFlow),
            Error("time exceeded", 11, 0, about, OfFlow),
            Error("parameter problem", 12, 0, about, OfFlow),
            Error("the least that an error must quote", 3, 3, about[..28], OfFlow),
            Error("a byte less", 3, 3, about[..27], Denied),
            Error("a quoted header alone", 3, 3, about[..20], Denied),
            Error("half a quoted header", 3, 3, about[..12], Denied),
            Error("one quoted byte", 3, 3, about[..1], Denied),
            Error("nothing quoted", 3, 3, [], Denied),
            Error("garbage quoted", 3, 3, [.. Enumerable.Repeat((byte)0xff, 28)], Denied),
            Error("zeros quoted", 3, 3, new byte[28], Denied),
            Error("quoted version 6", 3, 3, [(byte)(0x60 | (about[0] & 15)), .. about[1..]], Denied),
            Error("a quoted header length of four", 3, 3, [0x44, .. about[1..]], Denied),
            Error("a quoted header length of fifteen", 3, 3, [0x4f, .. about[1..]], Denied),
            Error("options in what is quoted", 3, 3, IPv4(Host, Friend, Udp, UdpHeader(Asker, 123), new IPv4Fields { Options = NoOperations }), OfFlow),
            Error("a later fragment is quoted", 3, 3, IPv4(Host, Friend, Udp, UdpHeader(Asker, 123), new IPv4Fields { FragmentOffset = 8 }), Denied),
            Error("a first fragment is quoted", 3, 3, IPv4(Host, Friend, Udp, UdpHeader(Asker, 123), new IPv4Fields { More = true }), OfFlow),
            Error("another port is quoted", 3, 3, IPv4(Host, Friend, Udp, UdpHeader(Asker + 1, 123)), Denied),
            Error("another peer is quoted", 3, 3, IPv4(Host, "10.9.1.2", Udp, UdpHeader(Asker, 123)), Denied),
            Error("another protocol is quoted", 3, 3, IPv4(Host, Friend, Tcp, TcpHeader(Asker, 123, Ack)), Denied),
            Error("the answer is quoted, which the host did not send", 3, 3, IPv4(Friend, Host, Udp, UdpHeader(123, Asker)), Denied),
            Error("a protocol without ports is quoted", 3, 3, IPv4(Host, Friend, Gre, new byte[8]), Denied),
            Error("an error about an error", 3, 3, IPv4(Host, Friend, Icmp, IcmpError(3, 3, about)), Denied),
            Error("a redirect is no error", 5, 1, about, Denied),
            Error("a source quench is no error any more", 4, 0, about, Denied),
            Error("a timestamp quotes nothing", 13, 0, about, Denied),
            Padded(Error("a quoted packet that stands in the padding", 3, 3, [], Denied), about),
            Error6("packet too big", 2, 0, about6, OfFlow),
            Error6("destination unreachable", 1, 4, about6, OfFlow),
            Error6("time exceeded in transit", 3, 0, about6, OfFlow),
            Error6("parameter problem in a header", 4, 0, about6, OfFlow),
            Error6("type 5 is no error that anybody knows", 5, 0, about6, Denied),
            Error6("type 127 is none either", 127, 0, about6, Denied),
            Error6("type 0 neither", 0, 0, about6, Denied),
            Error6("the least of ipv6 that an error must quote", 2, 0, about6[..48], OfFlow),
            Error6("a byte less of ipv6", 2, 0, about6[..47], Denied),
            Error6("garbage quoted as ipv6", 2, 0, [.. Enumerable.Repeat((byte)0xff, 60)], Denied),
            Error6("ipv4 quoted as ipv6", 2, 0, about, Denied),
            Error6("an extension header in what is quoted", 2, 0, IPv6(Host6, Friend6, DestinationOptions, Extension(Tcp, TcpHeader(Asker, 443, Ack))), Denied),
        ];
    }

    private static CraftedPacket Error(string name, byte type, byte code, byte[] about, string expected) =>
        From(Stranger, name, Icmp, IcmpError(type, code, about), expected);

    private static CraftedPacket Error6(string name, byte type, byte code, byte[] about, string expected) =>
        From(Stranger6, name, Icmp6, IcmpError(type, code, about), expected);
}
