using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf.Crafted;

/// <content>Fragments: the first has the ports, the others have them only by it.</content>
internal sealed partial class CraftedPackets
{
    private IEnumerable<CraftedPacket> Fragments()
    {
        byte[] rest = [1, 2, 3, 4, 5, 6, 7, 8];
        var later = new IPv4Fields { Id = 500, FragmentOffset = 1480 };
        return
        [
            V4("a later fragment of nothing we saw", Udp, Query(), NoPorts, later),
            V4("a first fragment has ports", Udp, Query(), Allowed, new IPv4Fields { Id = 500, More = true }),
            V4("a later fragment of what passed", Udp, rest, Allowed, later),
            V4("one in the middle", Udp, rest, Allowed, later with { More = true }),
            V4("one of a single byte", Udp, [1], Allowed, later),
            V4("the last of all", Udp, rest, Allowed, later with { FragmentOffset = 65528 }),
            V4("one of another datagram", Udp, rest, NoPorts, later with { Id = 501 }),
            V4("one of another protocol", Tcp, rest, NoPorts, later),
            new("one from another sender", Ethernet(IPv4("10.9.1.2", Host, Udp, rest, later)), NoPorts),
            new("one to another address of the host", Ethernet(IPv4(Friend, "10.0.0.255", Udp, rest, later)), NoPorts),
            V4("a first fragment to another port", Udp, UdpHeader(40000, 54), Denied, new IPv4Fields { Id = 502, More = true }),
            V4("a later fragment of what was refused", Udp, rest, NoPorts, later with { Id = 502 }),
            V4("a fragment that begins inside the tcp header", Tcp, Syn80(), NoPorts, new IPv4Fields { Id = 503, FragmentOffset = 8 }),
            V4("a first fragment of four bytes", Udp, Query()[..4], NoPorts, new IPv4Fields { Id = 504, More = true }),
            V4("a first fragment without its flags", Tcp, Syn80()[..8], NoPorts, new IPv4Fields { Id = 505, More = true }),
            V4("a first fragment whose flags stand in the padding", Tcp, Syn80(), NoPorts, new IPv4Fields { Id = 506, More = true, TotalBytes = 28 }),
            V4("a first fragment of half a ping", Icmp, IcmpHeader(8, 0)[..4], NoPorts, new IPv4Fields { Id = 507, More = true }),
            V4("a first fragment of a ping", Icmp, IcmpHeader(8, 0, id: 82), Allowed, new IPv4Fields { Id = 508, More = true }),
            V4("a later fragment of a ping", Icmp, rest, Allowed, later with { Id = 508 }),
            V4("a later fragment of a protocol without ports", Gre, [1], Allowed, later),
            V4("a later fragment of another protocol without ports", Esp, [1], Denied, later),
            V4("a first fragment behind options", Tcp, Syn80(), Allowed, new IPv4Fields { Id = 509, More = true, Options = NoOperations }),
            V6("an ipv6 later fragment of nothing we saw", Fragment, FragmentHeader(Udp, 1448, false, 600, rest), NoPorts),
            V6("an ipv6 first fragment has ports", Fragment, FragmentHeader(Udp, 0, true, 600, Query()), Allowed),
            V6("an ipv6 later fragment of what passed", Fragment, FragmentHeader(Udp, 1448, false, 600, rest), Allowed),
            V6("an ipv6 fragment whose number differs in the upper half", Fragment, FragmentHeader(Udp, 1448, false, 600 | (1 << 16), rest), NoPorts),
            V6("an ipv6 first fragment to another port", Fragment, FragmentHeader(Udp, 0, true, 601, UdpHeader(40000, 54)), Denied),
            V6("an ipv6 later fragment of what was refused", Fragment, FragmentHeader(Udp, 1448, false, 601, rest), NoPorts),
            V6("an ipv6 first fragment too short for its ports", Fragment, FragmentHeader(Tcp, 0, true, 602, Syn80()[..4]), NoPorts),
            V6("an ipv6 first fragment whose ports are behind another header", Fragment, FragmentHeader(DestinationOptions, 0, true, 603, Extension(Udp, Query())), Allowed),
            V6("an ipv6 first fragment that ends inside the headers", Fragment, FragmentHeader(DestinationOptions, 0, true, 604, [Udp, 0, 0]), Short),
            V6("a fragment header behind others", HopByHop, Extension(DestinationOptions, Extension(Fragment, FragmentHeader(Udp, 0, true, 605, Query()))), Allowed),
            V6("a later fragment behind others", HopByHop, Extension(Fragment, FragmentHeader(Udp, 1448, false, 605, rest)), Allowed),
            V6("what follows a later fragment's header is payload", Fragment, FragmentHeader(DestinationOptions, 1448, false, 606, Extension(Tcp, Syn80())), Denied),
        ];
    }
}
