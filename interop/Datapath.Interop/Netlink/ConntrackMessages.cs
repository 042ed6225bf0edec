using System.Buffers.Binary;
using System.Net;

namespace Datapath.Interop.Netlink;

/// <summary>Turns messages about tracked connections into values. Any bytes are survived.</summary>
/// <remarks>linux/netfilter/nfnetlink_conntrack.h.</remarks>
internal static partial class ConntrackMessages
{
    /// <summary>CTA_TUPLE_ORIG.</summary>
    internal const int OriginalTuple = 1;

    /// <summary>CTA_MARK.</summary>
    internal const int ConnectionMark = 8;

    /// <summary>CTA_ZONE.</summary>
    internal const int ConnectionZone = 18;

    /// <summary>CTA_MARK_MASK.</summary>
    internal const int ConnectionMarkMask = 21;

    // CTA_TIMESTAMP, and CTA_TIMESTAMP_START in it: nanoseconds of the wall clock.
    private const int Timestamp = 20;
    private const int TimestampStart = 1;
    private const int NanosecondsPerTick = 100;

    // CTA_COUNTERS_ORIG and CTA_COUNTERS_REPLY, and in them CTA_COUNTERS_PACKETS and CTA_COUNTERS_BYTES.
    private const int CountersOfOriginal = 9;
    private const int CountersOfReply = 10;
    private const int CountedPackets = 1;
    private const int CountedBytes = 2;

    private const int ReplyTuple = 2;
    private const int Status = 3;
    private const int ProtocolState = 4;

    // IPS_SEEN_REPLY of linux/netfilter/nf_conntrack_common.h.
    private const uint SeenReply = 2;

    // CTA_PROTOINFO_*: TCP, and what it tells.
    private const int StateOfTcp = 1;
    private const int TcpState = 1;
    private const int TcpFlagsOfOriginal = 4;
    private const int TcpFlagsOfReply = 5;

    // IP_CT_TCP_FLAG_BE_LIBERAL of linux/netfilter/nf_conntrack_tcp.h, first byte of struct nf_ct_tcp_flags: both sides have it when the
    // beginning was not seen (tcp_new of net/netfilter/nf_conntrack_proto_tcp.c).
    private const byte Liberal = 0x08;

    // CTA_TUPLE_*.
    private const int TupleAddresses = 1;
    private const int TupleProtocol = 2;

    // CTA_IP_*: 1 and 2 are IPv4, 3 and 4 IPv6.
    private const int SourceV4 = 1;
    private const int DestinationV4 = 2;
    private const int SourceV6 = 3;
    private const int DestinationV6 = 4;

    // CTA_PROTO_*.
    private const int ProtocolNumber = 1;
    private const int ProtocolSourcePort = 2;
    private const int ProtocolDestinationPort = 3;
    private const int IcmpIdentifier = 4;
    private const int IcmpType = 5;
    private const int IcmpCode = 6;
    private const int Icmp6Identifier = 7;
    private const int Icmp6Type = 8;
    private const int Icmp6Code = 9;

    private static readonly ConntrackTuple Nobody = new(IPAddress.None, IPAddress.None, 0, 0, 0, 0);

    /// <summary>The entry that a message describes; null when it describes none that we know how to read.</summary>
    /// <param name="body">From <c>struct nfgenmsg</c> on.</param>
    internal static ConntrackEntry? Entry(ReadOnlySpan<byte> body)
    {
        if (body.Length < NetfilterSocket.HeaderBytes)
        {
            return null;
        }

        ConntrackTuple? original = null;
        ConntrackTuple? reply = null;
        var entry = new ConntrackEntry(Nobody, Nobody, Mark: 0, Zone: 0) { Family = body[0] };
        var reader = new AttributeReader(body[NetfilterSocket.HeaderBytes..]);
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case OriginalTuple:
                    original = Tuple(reader.Value);
                    entry = entry with { Name = [.. reader.Value] };
                    break;
                case ReplyTuple:
                    reply = Tuple(reader.Value);
                    break;
                case Status:
                    entry = entry with { IsAnswered = (Number(reader.Value) & SeenReply) != 0 };
                    break;
                case ProtocolState:
                    entry = WithProtocolState(entry, reader.Value);
                    break;
                case Timestamp:
                    entry = entry with { Since = StartOf(reader.Value) };
                    break;
                case CountersOfOriginal:
                    entry = entry with { Sent = Counters(reader.Value) };
                    break;
                case CountersOfReply:
                    entry = entry with { Answered = Counters(reader.Value) };
                    break;
                case ConnectionMark:
                    entry = entry with { Mark = Number(reader.Value) };
                    break;
                case ConnectionZone:
                    entry = entry with { Zone = Port(reader.Value) };
                    break;
                default:
                    break;
            }
        }

        return original is null || reply is null ? null : entry with { Original = original, Reply = reply };
    }

    private static (long Packets, long Bytes) Counters(ReadOnlySpan<byte> attributes)
    {
        (long Packets, long Bytes) counted = default;
        var reader = new AttributeReader(attributes);
        while (reader.MoveNext())
        {
            if (BinaryPrimitives.TryReadInt64BigEndian(reader.Value, out long number))
            {
                counted = reader.Type switch
                {
                    CountedPackets => counted with { Packets = number },
                    CountedBytes => counted with { Bytes = number },
                    _ => counted,
                };
            }
        }

        return counted;
    }

    private static DateTimeOffset? StartOf(ReadOnlySpan<byte> attributes)
    {
        var reader = new AttributeReader(attributes);
        while (reader.MoveNext())
        {
            if (reader.Type == TimestampStart && BinaryPrimitives.TryReadUInt64BigEndian(reader.Value, out ulong nanoseconds))
            {
                return DateTimeOffset.UnixEpoch.AddTicks((long)(nanoseconds / NanosecondsPerTick));
            }
        }

        return null;
    }

    private static ConntrackEntry WithProtocolState(ConntrackEntry entry, ReadOnlySpan<byte> attributes)
    {
        var protocol = new AttributeReader(attributes);
        int liberal = 0;
        while (protocol.MoveNext())
        {
            var state = new AttributeReader(protocol.Type == StateOfTcp ? protocol.Value : default);
            while (state.MoveNext())
            {
                byte first = state.Value.IsEmpty ? (byte)0 : state.Value[0];
                switch (state.Type)
                {
                    case TcpState:
                        entry = entry with { TcpState = (ConntrackTcpState)first };
                        break;
                    case TcpFlagsOfOriginal or TcpFlagsOfReply when (first & Liberal) != 0:
                        liberal++;
                        break;
                    default:
                        break;
                }
            }
        }

        return entry with { IsTakenUp = liberal == 2 };
    }

    private static ConntrackTuple? Tuple(ReadOnlySpan<byte> attributes)
    {
        ReadOnlySpan<byte> source = default;
        ReadOnlySpan<byte> destination = default;
        ConntrackTuple tuple = Nobody;
        var reader = new AttributeReader(attributes);
        while (reader.MoveNext())
        {
            if (reader.Type == TupleProtocol)
            {
                tuple = Protocol(tuple, reader.Value);
                continue;
            }

            var address = new AttributeReader(reader.Type == TupleAddresses ? reader.Value : default);
            while (address.MoveNext())
            {
                source = address.Type is SourceV4 or SourceV6 ? address.Value : source;
                destination = address.Type is DestinationV4 or DestinationV6 ? address.Value : destination;
            }
        }

        bool isReadable = source.Length is 4 or 16 && source.Length == destination.Length;
        return isReadable ? tuple with { Source = new IPAddress(source), Destination = new IPAddress(destination) } : null;
    }

    private static ConntrackTuple Protocol(ConntrackTuple tuple, ReadOnlySpan<byte> attributes)
    {
        var reader = new AttributeReader(attributes);
        while (reader.MoveNext())
        {
            byte first = reader.Value.IsEmpty ? (byte)0 : reader.Value[0];
            tuple = reader.Type switch
            {
                ProtocolNumber => tuple with { Protocol = first },
                ProtocolSourcePort => tuple with { SourcePort = Port(reader.Value) },
                ProtocolDestinationPort => tuple with { DestinationPort = Port(reader.Value) },
                IcmpIdentifier or Icmp6Identifier => tuple with { EchoIdentifier = Port(reader.Value) },
                IcmpType or Icmp6Type => tuple with { IcmpTypeAndCode = (ushort)((first << 8) | (tuple.IcmpTypeAndCode & 0xff)) },
                IcmpCode or Icmp6Code => tuple with { IcmpTypeAndCode = (ushort)((tuple.IcmpTypeAndCode & 0xff00) | first) },
                _ => tuple,
            };
        }

        return tuple;
    }

    private static uint Number(ReadOnlySpan<byte> value) => value.Length >= sizeof(uint) ? BinaryPrimitives.ReadUInt32BigEndian(value) : 0;

    private static ushort Port(ReadOnlySpan<byte> value) => value.Length >= sizeof(ushort) ? BinaryPrimitives.ReadUInt16BigEndian(value) : (ushort)0;
}
