using System.Buffers.Binary;
using System.Net;
using Datapath.Interop.Netlink;
using Xunit;

namespace Datapath.Tests.Interop.Netlink;

/// <summary>Messages of conntrack and NFLOG, and bytes that only look like them.</summary>
public sealed class NetfilterMessageTests
{
    [Fact]
    public void A_connection_has_both_its_directions_its_mark_and_its_zone()
    {
        ConntrackEntry? entry = ConntrackMessages.Entry(Connection());
        Assert.NotNull(entry);
        Assert.Equal(new ConntrackTuple(IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.2"), 6, 50000, 443, 0), entry.Original);
        Assert.Equal(new ConntrackTuple(IPAddress.Parse("10.0.0.9"), IPAddress.Parse("192.0.2.1"), 6, 8443, 50000, 0), entry.Reply);
        Assert.Equal((0x4000_0005u, (ushort)7), (entry.Mark, entry.Zone));
    }

    [Fact]
    public void An_echo_has_type_and_code_in_one_number_and_its_identifier()
    {
        byte[] tuple = Tuple("2001:db8::1", "2001:db8::2", 58, Attribute(7, [0x12, 0x34]), Attribute(8, [128]), Attribute(9, [3]));
        ConntrackEntry? entry = ConntrackMessages.Entry([10, 0, 0, 0, .. Attribute(1, tuple), .. Attribute(2, tuple)]);
        Assert.NotNull(entry);
        Assert.Equal((0x8003, 0x1234), (entry.Original.IcmpTypeAndCode, entry.Original.EchoIdentifier));
    }

    [Fact]
    public void Counters_of_both_directions_are_read_where_the_kernel_counts()
    {
        byte[] sent = [.. Attribute(1, [0, 0, 0, 0, 0, 0, 0, 3]), .. Attribute(2, [0, 0, 0, 1, 0, 0, 0, 44])];
        byte[] answered = [.. Attribute(1, [0, 0, 0, 0, 0, 0, 0, 2]), .. Attribute(2, [0, 0, 0, 0, 0, 0, 1, 0])];
        ConntrackEntry? entry = ConntrackMessages.Entry([.. Connection(), .. Attribute(9 | 0x8000, sent), .. Attribute(10 | 0x8000, answered)]);
        Assert.Equal(((3L, (1L << 32) + 44), (2L, 256L)), (entry!.Sent!.Value, entry.Answered!.Value));
        Assert.Null(ConntrackMessages.Entry(Connection())!.Sent);
    }


    [Theory]
    [InlineData(0x08, 0x08, true)]
    [InlineData(0x08, 0x03, false)]
    [InlineData(0x03, 0x03, false)]
    public void A_connection_tells_how_far_it_is_and_whether_its_beginning_was_seen(byte flagsOfOriginal, byte flagsOfReply, bool isTakenUp)
    {
        byte[] tcp = [.. Attribute(1, [3]), .. Attribute(4, [flagsOfOriginal, 0]), .. Attribute(5, [flagsOfReply, 0])];
        ConntrackEntry? entry = ConntrackMessages.Entry([.. Connection(), .. Attribute(3, [0, 0, 0, 0x0e]), .. Attribute(4 | 0x8000, Attribute(1 | 0x8000, tcp))]);
        Assert.NotNull(entry);
        Assert.Equal((ConntrackTcpState.Established, true, isTakenUp), (entry.TcpState, entry.IsAnswered, entry.IsTakenUp));
        Assert.Equal((null, false, false), (ConntrackMessages.Entry(Connection())!.TcpState, ConntrackMessages.Entry(Connection())!.IsAnswered, ConntrackMessages.Entry(Connection())!.IsTakenUp));
    }

    [Fact]
    public void A_logged_packet_has_its_prefix_mark_hook_interfaces_and_bytes()
    {
        LoggedPacket packet = PacketLog.Decode(
            [
                .. Attribute(1, [8, 0, 4, 0]),
                .. Attribute(2, [0, 1, 0, 0]),
                .. Attribute(4, [0, 0, 0, 2]),
                .. Attribute(5, [0, 0, 0, 3]),
                .. Attribute(10, "dp:1:0\0"u8.ToArray()),
                .. Attribute(9, [0x45, 1, 2]),
            ]
        );
        Assert.Equal((4, 0x1_0000u, 2, 3, "dp:1:0"), (packet.Hook, packet.Mark, packet.InputInterface, packet.OutputInterface, packet.Prefix));
        Assert.Equal([0x45, 1, 2], packet.Payload.ToArray());
    }

    [Fact]
    public void Broken_bytes_are_survived()
    {
        byte[] good = Connection();
        var random = new Random(20_261_121);
        int readable = 0;
        for (int round = 0; round < 20_000; round++)
        {
            byte[] broken = [.. good];
            for (int flips = random.Next(1, 6); flips > 0; flips--)
            {
                broken[random.Next(broken.Length)] = (byte)random.Next(256);
            }

            ReadOnlySpan<byte> cut = broken.AsSpan(0, random.Next(broken.Length + 1));
            readable += ConntrackMessages.Entry(cut) is null ? 0 : 1;
            readable += PacketLog.Decode(cut).Payload.Length > cut.Length ? 1_000_000 : 0;
        }

        Assert.InRange(readable, 1, 20_000);
    }

    private static byte[] Connection() =>
        [
            2, 0, 0, 0,
            .. Attribute(1 | 0x8000, Tuple("192.0.2.1", "192.0.2.2", 6, Attribute(2, [0xc3, 0x50]), Attribute(3, [0x01, 0xbb]))),
            .. Attribute(2 | 0x8000, Tuple("10.0.0.9", "192.0.2.1", 6, Attribute(2, [0x20, 0xfb]), Attribute(3, [0xc3, 0x50]))),
            .. Attribute(8, [0x40, 0, 0, 5]),
            .. Attribute(18, [0, 7]),
        ];

    private static byte[] Tuple(string source, string destination, byte protocol, params byte[][] rest)
    {
        byte[] from = IPAddress.Parse(source).GetAddressBytes();
        int first = from.Length == 4 ? 1 : 3;
        byte[] addresses = [.. Attribute(first, from), .. Attribute(first + 1, IPAddress.Parse(destination).GetAddressBytes())];
        return [.. Attribute(1 | 0x8000, addresses), .. Attribute(2 | 0x8000, [.. Attribute(1, [protocol]), .. rest.SelectMany(one => one)])];
    }

    private static byte[] Attribute(int type, byte[] value)
    {
        var attribute = new byte[NetlinkReader.Align(4 + value.Length)];
        BinaryPrimitives.WriteUInt16LittleEndian(attribute, (ushort)(4 + value.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(attribute.AsSpan(2), (ushort)type);
        value.CopyTo(attribute, 4);
        return attribute;
    }
}
