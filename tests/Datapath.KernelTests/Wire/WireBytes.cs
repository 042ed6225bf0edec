using System.Buffers.Binary;
using Datapath.KernelTests.Ebpf;
using Datapath.Policy.Inventory;
using Datapath.Shared.Sequences;

namespace Datapath.KernelTests.Wire;

/// <summary>
/// The bytes of described packets as real hosts send them: with checksums, sequence numbers and whole fragments. Each ends with two bytes
/// by which it is known again wherever it turns up.
/// </summary>
internal sealed class WireBytes
{
    private const int FragmentBytes = 24;
    private const int LaterBytes = 8;
    private const int QuotedBytes = 8;
    private const uint FirstSequence = 1000;

    private readonly HashSet<(int Protocol, AddressKey, ushort, AddressKey, ushort)> _finished = [];

    /// <summary>From the IP header on; two packets when the datagram is fragmented.</summary>
    /// <param name="packet">What it is; of fragments the first.</param>
    /// <param name="name">The two bytes.</param>
    public byte[][] Of(WirePacket packet, ushort name)
    {
        byte[] transport = Transport(packet, name);
        if (packet.Fragment == FragmentPart.Whole)
        {
            return [Ip(packet, transport, 0, more: false)];
        }
        byte[] whole = new byte[FragmentBytes + LaterBytes];
        transport.CopyTo(whole, 0);
        if (packet.Protocol == ProtocolNumber.Udp)
        {
            BinaryPrimitives.WriteUInt16BigEndian(whole.AsSpan(4), (ushort)whole.Length);
        }
        BinaryPrimitives.WriteUInt16BigEndian(whole.AsSpan(FragmentBytes - 2), name);
        BinaryPrimitives.WriteUInt16BigEndian(whole.AsSpan(whole.Length - 2), name);
        WriteChecksum(packet, whole);
        return [Ip(packet, whole[..FragmentBytes], 0, more: true), Ip(packet, whole[FragmentBytes..], FragmentBytes, more: false)];
    }

    /// <summary>The frame of a packet, to the host.</summary>
    /// <param name="ip">The packet.</param>
    /// <param name="mark">Stands at the end of the sender's MAC address, as the host keeps numbers.</param>
    public static byte[] Frame(byte[] ip, uint mark)
    {
        byte[] frame = Packet.Ethernet(ip);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(8), mark);
        return frame;
    }

    private byte[] Transport(WirePacket packet, ushort name)
    {
        byte[] bytes = packet.Protocol switch
        {
            ProtocolNumber.Tcp => Tcp(packet),
            ProtocolNumber.Udp => Packet.UdpHeader(packet.SourcePort, packet.DestinationPort),
            ProtocolNumber.Icmp or ProtocolNumber.Icmp6 when packet.About is { } about => [
                .. Packet.IcmpError((byte)(packet.IcmpKind >> 8), (byte)packet.IcmpKind, Quoted(about)), 0, 0, 0, 0,
            ],
            ProtocolNumber.Icmp or ProtocolNumber.Icmp6 => [.. Packet.IcmpHeader((byte)(packet.IcmpKind >> 8), (byte)packet.IcmpKind, packet.SourcePort), 0, 0, 0, 0],
            _ => new byte[8],
        };
        // Of TCP this is the urgent pointer, which without its flag says nothing.
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(bytes.Length - 2), name);
        WriteChecksum(packet, bytes);
        return bytes;
    }

    private byte[] Tcp(WirePacket packet)
    {
        var own = (packet.Protocol, packet.Source, packet.SourcePort, packet.Destination, packet.DestinationPort);
        var other = (packet.Protocol, packet.Destination, packet.DestinationPort, packet.Source, packet.SourcePort);
        bool isSyn = packet.Flags.HasFlag(TcpFlags.Syn);
        if (isSyn && !packet.Flags.HasFlag(TcpFlags.Ack))
        {
            _finished.Remove(own);
            _finished.Remove(other);
        }
        // Nobody sends a byte: a SYN and a FIN count as one each.
        uint sequence = FirstSequence + (isSyn ? 0u : _finished.Contains(own) && !packet.Flags.HasFlag(TcpFlags.Fin) ? 2u : 1u);
        uint acknowledged = packet.Flags.HasFlag(TcpFlags.Ack) ? FirstSequence + (_finished.Contains(other) ? 2u : 1u) : 0;
        if (packet.Flags.HasFlag(TcpFlags.Fin))
        {
            _finished.Add(own);
        }
        return Packet.TcpHeader(packet.SourcePort, packet.DestinationPort, (byte)packet.Flags, sequence, acknowledged);
    }

    // Routers quote the IP header and eight bytes at least (RFC 792).
    private static byte[] Quoted(WirePacket about)
    {
        byte[] transport = about.Protocol switch
        {
            ProtocolNumber.Tcp => Packet.TcpHeader(about.SourcePort, about.DestinationPort, (byte)about.Flags, FirstSequence + 1),
            ProtocolNumber.Udp => Packet.UdpHeader(about.SourcePort, about.DestinationPort),
            ProtocolNumber.Icmp or ProtocolNumber.Icmp6 => Packet.IcmpHeader((byte)(about.IcmpKind >> 8), (byte)about.IcmpKind, about.SourcePort),
            _ => new byte[QuotedBytes],
        };
        return Ip(about, transport, about.Fragment == FragmentPart.Later ? FragmentBytes : 0, about.Fragment == FragmentPart.First);
    }

    private static byte[] Ip(WirePacket packet, byte[] payload, int offset, bool more)
    {
        byte hopLimit = packet.IsOnLink ? (byte)255 : (byte)64;
        bool isFragment = offset != 0 || more;
        if (packet.IsIPv6)
        {
            byte next = (byte)packet.Protocol;
            return isFragment
                ? Packet.IPv6(Text(packet.Source), Text(packet.Destination), Packet.Fragment, Packet.FragmentHeader(next, offset, more, packet.FragmentId, payload), hopLimit)
                : Packet.IPv6(Text(packet.Source), Text(packet.Destination), next, payload, hopLimit);
        }
        var fields = new IPv4Fields { TimeToLive = hopLimit, Id = packet.FragmentId, FragmentOffset = offset, More = more };
        byte[] ip = Packet.IPv4(Text(packet.Source), Text(packet.Destination), (byte)packet.Protocol, payload, fields);
        BinaryPrimitives.WriteUInt16BigEndian(ip.AsSpan(10), Folded(Sum(ip.AsSpan(0, 20))));
        return ip;
    }

    private static void WriteChecksum(WirePacket packet, byte[] bytes)
    {
        int at = packet.Protocol switch
        {
            ProtocolNumber.Tcp => 16,
            ProtocolNumber.Udp => 6,
            ProtocolNumber.Icmp or ProtocolNumber.Icmp6 => 2,
            _ => -1,
        };
        if (at < 0)
        {
            return;
        }
        bytes[at] = bytes[at + 1] = 0;
        ulong sum = Sum(bytes);
        if (packet.Protocol != ProtocolNumber.Icmp)
        {
            // The pseudo-header: addresses, length and protocol.
            sum += Sum(packet.Source.ToAddress().GetAddressBytes()) + Sum(packet.Destination.ToAddress().GetAddressBytes()) + (ulong)bytes.Length + (ulong)packet.Protocol;
        }
        ushort checksum = Folded(sum);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(at), checksum == 0 && packet.Protocol == ProtocolNumber.Udp ? ushort.MaxValue : checksum);
    }

    private static ulong Sum(ReadOnlySpan<byte> bytes)
    {
        ulong sum = 0;
        for (int i = 0; i < bytes.Length; i += 2)
        {
            sum += (ulong)((bytes[i] << 8) | (i + 1 < bytes.Length ? bytes[i + 1] : 0));
        }
        return sum;
    }

    private static ushort Folded(ulong sum)
    {
        while (sum > ushort.MaxValue)
        {
            sum = (sum & ushort.MaxValue) + (sum >> 16);
        }
        return (ushort)~sum;
    }

    private static string Text(AddressKey address) => address.ToAddress().ToString();
}
