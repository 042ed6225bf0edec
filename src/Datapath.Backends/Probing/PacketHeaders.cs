using System.Buffers.Binary;
using System.Net;
using Datapath.Policy.Rulesets;

namespace Datapath.Backends.Probing;

/// <summary>What the headers of a packet say, in the terms of <see cref="Datapath.Flows.FlowEvent"/>.</summary>
/// <param name="Protocol">IANA protocol number.</param>
/// <param name="Source">Who sent it.</param>
/// <param name="SourcePort">Its port; the identifier of an echo; 0 where there is none.</param>
/// <param name="Destination">To whom.</param>
/// <param name="DestinationKey">Its port; type and code; else the protocol.</param>
/// <param name="IsSyn">Whether it opens a TCP connection.</param>
internal readonly record struct PacketHeaders(byte Protocol, IPAddress Source, ushort SourcePort, IPAddress Destination, ushort DestinationKey, bool IsSyn)
{
    private const int IPv4HeaderBytes = 20;
    private const int IPv6HeaderBytes = 40;
    private const int TcpFlagsOffset = 13;
    private const byte SynAndAck = 0x12;
    private const byte Syn = 0x02;

    // Echo and its reply, of either family.
    private static readonly byte[] WithIdentifier = [0, 8, 128, 129];

    /// <summary>Reads them. Any bytes are survived.</summary>
    /// <param name="packet">From its IP header on.</param>
    /// <returns>Null for what is not IP, or too short. Extension headers of IPv6 are not walked: the protocol is then theirs.</returns>
    public static PacketHeaders? Read(ReadOnlySpan<byte> packet)
    {
        if (packet.IsEmpty || packet[0] >> 4 is not (4 or 6))
        {
            return null;
        }

        bool isIPv6 = packet[0] >> 4 == 6;
        int header = isIPv6 ? IPv6HeaderBytes : (packet[0] & 0xf) * 4;
        if (packet.Length < header || header < IPv4HeaderBytes)
        {
            return null;
        }

        byte protocol = packet[isIPv6 ? 6 : 9];
        (int addresses, int size) = isIPv6 ? (8, 16) : (12, 4);
        var source = new IPAddress(packet.Slice(addresses, size));
        var destination = new IPAddress(packet.Slice(addresses + size, size));
        ReadOnlySpan<byte> payload = packet[header..];
        return protocol switch
        {
            IanaProtocol.Tcp when payload.Length > TcpFlagsOffset => new PacketHeaders(
                protocol, source, Number(payload, 0), destination, Number(payload, 2), (payload[TcpFlagsOffset] & SynAndAck) == Syn),
            IanaProtocol.Tcp or IanaProtocol.Udp when payload.Length >= 4 => new PacketHeaders(protocol, source, Number(payload, 0), destination, Number(payload, 2), IsSyn: false),
            IanaProtocol.Icmp or IanaProtocol.IcmpV6 when payload.Length >= 8 => new PacketHeaders(
                protocol, source, WithIdentifier.Contains(payload[0]) ? Number(payload, 4) : (ushort)0, destination, Number(payload, 0), IsSyn: false),
            _ => new PacketHeaders(protocol, source, 0, destination, protocol, IsSyn: false),
        };
    }

    private static ushort Number(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt16BigEndian(bytes[offset..]);
}
