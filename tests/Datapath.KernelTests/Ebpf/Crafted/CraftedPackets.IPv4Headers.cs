using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf.Crafted;

/// <content>IPv4 headers: options, versions, lengths that contradict each other. And packets that end too early, of both families.</content>
internal sealed partial class CraftedPackets
{
    // The pseudo-option "end of list", "no operation", a record route of one address, and a router alert.
    private static readonly byte[] EndOfList = [0];
    private static readonly byte[] NoOperations = [1, 1, 1, 1];
    private static readonly byte[] RecordRoute = [7, 7, 4, 0, 0, 0, 0];
    private static readonly byte[] RouterAlert = [148, 4, 0, 0];
    private static readonly byte[] OptionOfNoLength = [7, 0, 0, 0];
    private static readonly byte[] SourceRoute = [131, 7, 4, 10, 1, 0, 2];

    private IEnumerable<CraftedPacket> IPv4Headers() =>
        [
            V4("an option moves the ports", Tcp, Syn80(), Allowed, new IPv4Fields { Options = NoOperations }),
            V4("an option moves the ports that are not allowed", Tcp, Syn81(), Denied, new IPv4Fields { Options = NoOperations }),
            V4("an end of options", Tcp, Syn80(), Allowed, new IPv4Fields { Options = EndOfList }),
            V4("a record route", Udp, Query(), Allowed, new IPv4Fields { Options = RecordRoute }),
            V4("a router alert", Udp, UdpHeader(1, 54), Denied, new IPv4Fields { Options = RouterAlert }),
            V4("a source route is judged by the address that stands in the header", Tcp, Syn80(), Allowed, new IPv4Fields { Options = SourceRoute }),
            V4("an option whose length is 0", Tcp, Syn80(), Allowed, new IPv4Fields { Options = OptionOfNoLength }),
            V4("forty bytes of options", Tcp, Syn80(), Allowed, new IPv4Fields { Options = new byte[40] }),
            V4("forty bytes of options before another port", Tcp, Syn81(), Denied, new IPv4Fields { Options = new byte[40] }),
            V4("an option that looks like allowed ports", Tcp, Syn81(), Denied, new IPv4Fields { Options = [0, 0, 0, 80] }),
            V4("options before a ping", Icmp, IcmpHeader(8, 0, id: 78), Allowed, new IPv4Fields { Options = NoOperations }),
            V4("a header length of 0", Tcp, Syn80(), Bad, new IPv4Fields { HeaderWords = 0 }),
            V4("a header length below five words", Tcp, Syn80(), Bad, new IPv4Fields { HeaderWords = 4 }),
            V4("a header longer than the packet", Tcp, [1, 2], Bad, new IPv4Fields { HeaderWords = 15 }),
            V4("a header longer than the frame", Tcp, [1, 2], Short, new IPv4Fields { HeaderWords = 15, TotalBytes = 80 }),
            V4("version 0", Tcp, Syn80(), Bad, new IPv4Fields { Version = 0 }),
            V4("version 6 in an ipv4 frame", Tcp, Syn80(), Bad, new IPv4Fields { Version = 6 }),
            V4("version 15", Tcp, Syn80(), Bad, new IPv4Fields { Version = 15 }),
            V4("a time to live of 0", Tcp, Syn80(), Allowed, new IPv4Fields { TimeToLive = 0 }),
            V4("a length shorter than the header", Tcp, Syn80(), Bad, new IPv4Fields { TotalBytes = 19 }),
            V4("a length of 1", Tcp, Syn80(), Bad, new IPv4Fields { TotalBytes = 1 }),
            V4("a length of 0 is that of a very large segment", Tcp, Syn80(), Allowed, new IPv4Fields { TotalBytes = 0 }),
            V4("a length beyond the frame", Tcp, Syn80(), Allowed, new IPv4Fields { TotalBytes = 1500 }),
            V4("a length that ends behind the ip header", Tcp, Syn80(), Short, new IPv4Fields { TotalBytes = 20 }),
            V4("a length that ends behind the ports", Tcp, Syn80(), Short, new IPv4Fields { TotalBytes = 24 }),
            V4("a length that ends before the last byte of tcp", Tcp, Syn80(), Short, new IPv4Fields { TotalBytes = 39 }),
            V4("a length that ends inside udp", Udp, Query(), Short, new IPv4Fields { TotalBytes = 27 }),
            V4("a length that ends inside icmp", Icmp, IcmpHeader(8, 0), Short, new IPv4Fields { TotalBytes = 27 }),
            Padded(V4("a short packet in a frame of the least length", Udp, UdpHeader(_port++, 53, payload: 0), Allowed), new byte[18]),
            Padded(V4("ports that stand in the padding", Udp, [], Short), UdpHeader(_port++, 53)),
            Padded(V4("flags that stand in the padding", Tcp, Syn80()[..12], Short), [0x50, Ack, 0x20, 0, 0, 0, 0, 0]),
        ];

    private IEnumerable<CraftedPacket> Lengths()
    {
        // Where each header ends, and one byte before it.
        foreach ((string what, byte protocol, byte[] whole, int headerBytes) in
            ((string, byte, byte[], int)[])[("tcp", Tcp, Syn80(), 20), ("udp", Udp, Query()[..8], 8), ("icmp", Icmp, IcmpHeader(8, 0, id: 79), 8)])
        {
            CraftedPacket one = V4($"{what} that is whole", protocol, whole, Allowed);
            yield return one;
            foreach (int bytes in (int[])[1, 19, 20, 24, 20 + headerBytes - 1])
            {
                yield return one with { Name = $"ipv4 and {what}, {bytes} bytes of them", Frame = Tagged(one.Frame)[..(18 + bytes)], Expected = Short };
            }
        }

        foreach ((string what, byte next, byte[] whole, int headerBytes) in
            ((string, byte, byte[], int)[])[("tcp", Tcp, Syn80(), 20), ("udp", Udp, Query()[..8], 8), ("icmpv6", Icmp6, IcmpHeader(128, 0, id: 80), 8)])
        {
            CraftedPacket one = V6($"ipv6 and {what} that are whole", next, whole, Allowed);
            yield return one;
            foreach (int bytes in (int[])[1, 39, 40, 44, 40 + headerBytes - 1])
            {
                yield return one with { Name = $"ipv6 and {what}, {bytes} bytes of them", Frame = Tagged(one.Frame)[..(18 + bytes)], Expected = Short };
            }
        }
    }

    // BPF_PROG_TEST_RUN refuses frames that say they are IP and have no whole header, but does not look behind a tag.
    private static byte[] Tagged(byte[] frame) => [.. frame[..12], 0x81, 0, 0, 5, .. frame[12..]];
}
