using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Datapath.KernelTests.Ebpf;

/// <summary>Frames from parts: headers are put one after the other, each says what comes next, lengths are right unless told otherwise.</summary>
internal static class Packet
{
    public const byte Icmp = 1;
    public const byte Tcp = 6;
    public const byte Udp = 17;
    public const byte Fragment = 44;
    public const byte Icmp6 = 58;
    public const byte HopByHop = 0;
    public const byte Routing = 43;
    public const byte Authentication = 51;
    public const byte DestinationOptions = 60;

    public const byte Fin = 0x01;
    public const byte Syn = 0x02;
    public const byte Rst = 0x04;
    public const byte Ack = 0x10;

    private const ushort EtherIPv4 = 0x0800;
    private const ushort EtherIPv6 = 0x86dd;
    private const int HeaderBytesIPv4 = 20;

    /// <summary>An Ethernet frame; tags are VLAN ids from the outside in, 802.1Q each.</summary>
    public static byte[] Ethernet(byte[] ip, ushort? etherType = null, params ushort[] tags)
    {
        ushort type = etherType ?? (ip[0] >> 4 == 4 ? EtherIPv4 : EtherIPv6);
        byte[] addresses = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
        IEnumerable<byte> vlans = tags.SelectMany(tag => Big(0x8100).Concat(Big(tag)));
        return [.. addresses, .. vlans, .. Big(type), .. ip];
    }

    /// <summary>An IPv4 packet. The option bytes are padded to words.</summary>
    public static byte[] IPv4(string source, string destination, byte protocol, byte[] payload, IPv4Fields? fields = null)
    {
        IPv4Fields with = fields ?? new IPv4Fields();
        byte[] options = [.. with.Options, .. new byte[(4 - (with.Options.Length % 4)) % 4]];
        int headerBytes = HeaderBytesIPv4 + options.Length;
        return
        [
            (byte)(((with.Version ?? 4) << 4) | (with.HeaderWords ?? (headerBytes / 4))),
            0,
            .. Big((ushort)(with.TotalBytes ?? headerBytes + payload.Length)),
            .. Big(with.Id),
            .. Big((ushort)((with.FragmentOffset / 8) | (with.More ? 0x2000 : 0))),
            with.TimeToLive,
            protocol,
            0,
            0,
            .. Address(source, AddressFamily.InterNetwork),
            .. Address(destination, AddressFamily.InterNetwork),
            .. options,
            .. payload,
        ];
    }

    /// <summary>An IPv6 packet; the next header is that of the payload's first byte run.</summary>
    public static byte[] IPv6(string source, string destination, byte next, byte[] payload, byte hopLimit = 64, byte version = 6, int? payloadBytes = null) =>
        [
            (byte)(version << 4),
            0,
            0,
            0,
            .. Big((ushort)(payloadBytes ?? payload.Length)),
            next,
            hopLimit,
            .. Address(source, AddressFamily.InterNetworkV6),
            .. Address(destination, AddressFamily.InterNetworkV6),
            .. payload,
        ];

    /// <summary>A hop-by-hop, destination or routing header of so many units of eight bytes beyond the first.</summary>
    public static byte[] Extension(byte next, byte[] rest, byte extraUnits = 0) => [next, extraUnits, .. new byte[6 + (extraUnits * 8)], .. rest];

    /// <summary>An authentication header (RFC 4302): its length counts words, less two.</summary>
    public static byte[] AuthenticationHeader(byte next, byte[] rest, byte words = 6) =>
        [next, (byte)(words - 2), .. new byte[(words * 4) - 2], .. rest];

    /// <summary>An IPv6 fragment header.</summary>
    public static byte[] FragmentHeader(byte next, int offset, bool more, uint id, byte[] rest) =>
        [
            next,
            0,
            .. Big((ushort)(offset | (more ? 1 : 0))),
            (byte)(id >> 24),
            (byte)(id >> 16),
            (byte)(id >> 8),
            (byte)id,
            .. rest,
        ];

    public static byte[] TcpHeader(ushort source, ushort destination, byte flags, uint sequence = 1, uint acknowledged = 0) =>
        [.. Big(source), .. Big(destination), .. Big(sequence), .. Big(acknowledged), 0x50, flags, 0x20, 0, 0, 0, 0, 0];

    public static byte[] UdpHeader(ushort source, ushort destination, int payload = 4) =>
        [.. Big(source), .. Big(destination), .. Big((ushort)(8 + payload)), 0, 0, .. new byte[payload]];

    public static byte[] IcmpHeader(byte type, byte code, ushort id = 7) => [type, code, 0, 0, .. Big(id), 0, 1];

    /// <summary>An ICMP or ICMPv6 error about a packet: its header and what it quotes.</summary>
    public static byte[] IcmpError(byte type, byte code, byte[] about) => [type, code, 0, 0, 0, 0, 5, 0xdc, .. about];

    private static byte[] Big(ushort value)
    {
        var bytes = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, value);
        return bytes;
    }

    private static byte[] Big(uint value) => [.. Big((ushort)(value >> 16)), .. Big((ushort)value)];

    private static byte[] Address(string text, AddressFamily family)
    {
        var address = IPAddress.Parse(text);
        return address.AddressFamily == family ? address.GetAddressBytes() : throw new ArgumentException($"{text} is not {family}", nameof(text));
    }
}

/// <summary>What an IPv4 header may say besides addresses and protocol.</summary>
internal sealed record IPv4Fields
{
    public byte[] Options { get; init; } = [];

    public ushort Id { get; init; }

    public int FragmentOffset { get; init; }

    public bool More { get; init; }

    public byte TimeToLive { get; init; } = 64;

    public int? Version { get; init; }

    public int? HeaderWords { get; init; }

    /// <summary>What the header says of the packet's length; null for the truth.</summary>
    public int? TotalBytes { get; init; }
}
