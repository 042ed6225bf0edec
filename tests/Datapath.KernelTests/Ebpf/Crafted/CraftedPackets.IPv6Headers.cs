using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf.Crafted;

/// <content>IPv6 headers: versions, lengths, and what may stand between the first header and the ports.</content>
internal sealed partial class CraftedPackets
{
    private const byte Mobility = 135;
    private const byte HostIdentity = 139;
    private const byte Shim = 140;
    private const byte Experiment = 253;

    private IEnumerable<CraftedPacket> IPv6Headers() =>
        [
            new("version 4 in an ipv6 frame", Ethernet(IPv6(Friend6, Host6, Tcp, Syn80(), version: 4), 0x86dd), Bad),
            new("version 0 in an ipv6 frame", Ethernet(IPv6(Friend6, Host6, Tcp, Syn80(), version: 0), 0x86dd), Bad),
            V6("a payload length of 0 is that of a very large segment", Tcp, Syn80(), Allowed, payloadBytes: 0),
            V6("a payload length beyond the frame", Tcp, Syn80(), Allowed, payloadBytes: 1400),
            V6("a payload length that ends behind the ports", Tcp, Syn80(), Short, payloadBytes: 4),
            V6("a payload length that ends before the last byte of tcp", Tcp, Syn80(), Short, payloadBytes: 19),
            V6("a payload length that ends inside an extension header", HopByHop, Extension(Tcp, Syn80()), Short, payloadBytes: 7),
            V6("a payload length that ends behind an extension header", HopByHop, Extension(Tcp, Syn80()), Short, payloadBytes: 8),
            V6("hop-by-hop", HopByHop, Extension(Tcp, Syn80()), Allowed),
            V6("hop-by-hop before another port", HopByHop, Extension(Tcp, Syn81()), Denied),
            V6("hop-by-hop of 16 bytes", HopByHop, Extension(Tcp, Syn80(), extraUnits: 1), Allowed),
            V6("destination", DestinationOptions, Extension(Udp, Query()), Allowed),
            V6("destination of 40 bytes", DestinationOptions, Extension(Tcp, Syn80(), extraUnits: 4), Allowed),
            V6("destination of 40 bytes before another port", DestinationOptions, Extension(Tcp, Syn81(), extraUnits: 4), Denied),
            V6("destination of 2,048 bytes", DestinationOptions, Extension(Tcp, Syn80(), extraUnits: 255), Allowed),
            V6("destination before a ping", DestinationOptions, Extension(Icmp6, IcmpHeader(128, 0, id: 81)), Allowed),
            V6("routing", Routing, Extension(Tcp, Syn80(), extraUnits: 2), Allowed),
            V6("routing before another port", Routing, Extension(Tcp, Syn81(), extraUnits: 2), Denied),
            V6("authentication counts in words", Authentication, AuthenticationHeader(Tcp, Syn80()), Allowed),
            V6("authentication before another port", Authentication, AuthenticationHeader(Tcp, Syn81()), Denied),
            V6("authentication of five words", Authentication, AuthenticationHeader(Tcp, Syn80(), words: 5), Allowed),
            V6("an atomic fragment is a whole packet", Fragment, FragmentHeader(Tcp, 0, false, 1, Syn80()), Allowed),
            V6("an atomic fragment to another port", Fragment, FragmentHeader(Tcp, 0, false, 1, Syn81()), Denied),
            V6("mobility has no ports", Mobility, Extension(Tcp, Syn80()), Denied),
            V6("host identity has no ports", HostIdentity, Extension(Tcp, Syn80()), Denied),
            V6("shim6 has no ports", Shim, Extension(Tcp, Syn80()), Denied),
            V6("a header of an experiment has no ports", Experiment, Extension(Tcp, Syn80()), Denied),
            V6("encryption hides the ports", Esp, Extension(Tcp, Syn80()), Denied),
            V6("no next header", NoNextHeader, Syn80(), Denied),
            V6("no next header behind another", DestinationOptions, Extension(NoNextHeader, Syn80()), Denied),
            V6("a header that is not on the list, behind one that is", DestinationOptions, Extension(Mobility, Extension(Tcp, Syn80())), Denied),
            V6("a protocol without ports behind a header", DestinationOptions, Extension(Gre, [0, 0, 8, 0]), Allowed),
            V6("an extension header of one byte", DestinationOptions, [Tcp], Short),
            V6("an extension header of seven bytes", DestinationOptions, [Tcp, 0, 0, 0, 0, 0, 0], Short),
            V6("a routing header of seven bytes", Routing, [Tcp, 0, 0, 0, 0, 0, 0], Short),
            V6("a hop-by-hop header of seven bytes", HopByHop, [Tcp, 0, 0, 0, 0, 0, 0], Short),
            V6("an authentication header of seven bytes", Authentication, [Tcp, 4, 0, 0, 0, 0, 0], Short),
            V6("a fragment header of seven bytes", Fragment, [Tcp, 0, 0, 0, 0, 0, 0], Short),
            V6("an extension header that ends the packet", DestinationOptions, Extension(Tcp, []), Short),
            V6("an extension header before half a tcp header", DestinationOptions, Extension(Tcp, Syn80()[..12]), Short),
            V6("an extension header that points beyond the packet", DestinationOptions, [Tcp, 200, 0, 0, 0, 0, 0, 0], Short),
            V6("an authentication header that points beyond the packet", Authentication, [Tcp, 255, 0, 0, 0, 0, 0, 0], Short),
        ];

    private IEnumerable<CraftedPacket> Chains()
    {
        yield return V6("four kinds in a row", HopByHop, Extension(Routing, Extension(Authentication, AuthenticationHeader(DestinationOptions, Extension(Tcp, Syn80())))), Allowed);
        yield return V6("one of 2,048 bytes before one of 1,024", DestinationOptions, Extension(DestinationOptions, Extension(Tcp, Syn80(), 127), 255), Allowed);
        yield return V6("one of 2,048 bytes before one of 1,024 and another port", DestinationOptions, Extension(DestinationOptions, Extension(Tcp, Syn81(), 127), 255), Denied);
        foreach ((string kind, byte number) in ((string, byte)[])[("hop-by-hop", HopByHop), ("destination", DestinationOptions), ("routing", Routing), ("authentication", Authentication), ("atomic fragment", Fragment)])
        {
            yield return V6($"eight {kind} headers", number, Chain(8, number, Syn80()), Allowed);
            yield return V6($"eight {kind} headers before another port", number, Chain(8, number, Syn81()), Denied);
            yield return V6($"nine {kind} headers", number, Chain(9, number, Syn80()), TooMany);
        }

        yield return V6("nine headers before a protocol without ports", DestinationOptions, Chain(9, DestinationOptions, []), TooMany);
        yield return new("nine headers that are not for the host", Ethernet(IPv6(Friend6, "2001:db8:77::1", DestinationOptions, Chain(9, DestinationOptions, []))), Forwarded);
    }

    /// <summary>So many headers of one kind before TCP.</summary>
    private static byte[] Chain(int headers, byte kind, byte[] tcp) =>
        Enumerable.Range(1, headers).Aggregate(tcp, (rest, number) => Header(kind, number == 1 ? Tcp : kind, rest));

    private static byte[] Header(byte kind, byte next, byte[] rest) =>
        kind switch
        {
            Authentication => AuthenticationHeader(next, rest),
            Fragment => FragmentHeader(next, 0, false, 1, rest),
            _ => Extension(next, rest),
        };
}
