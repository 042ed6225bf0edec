using System.Net.Sockets;

namespace Datapath.Interop.Netlink;

/// <content>Messages that add connections and take them away.</content>
internal static partial class ConntrackMessages
{
    private const int Lifetime = 7; // CTA_TIMEOUT
    private const byte Tcp = 6;
    private const byte Udp = 17;
    private const byte Icmp = 1;
    private const byte IcmpV6 = 58;

    // IPS_ASSURED, IPS_CONFIRMED of linux/netfilter/nf_conntrack_common.h.
    private const uint Assured = 4;
    private const uint Confirmed = 8;

    /// <summary>What adds a connection.</summary>
    /// <param name="entry">The connection.</param>
    /// <param name="lifetime">Of silence.</param>
    internal static ReadOnlySpan<byte> NewEntry(ConntrackEntry entry, TimeSpan lifetime)
    {
        AttributeWriter message = new AttributeWriter(FamilyOf(entry))
            .AddNested(OriginalTuple, tuple => Write(tuple, entry.Original))
            .AddNested(ReplyTuple, tuple => Write(tuple, entry.Reply))
            .AddNumber(Status, Confirmed | (entry.IsAnswered ? SeenReply | Assured : 0))
            .AddNumber(ConnectionMark, entry.Mark)
            .AddNumber(Lifetime, (uint)Math.Max(1, lifetime.TotalSeconds));
        if (entry.TcpState is { } state)
        {
            message.AddNested(
                ProtocolState,
                protocol => protocol.AddNested(StateOfTcp, tcp => tcp.Add(TcpState, (byte)state).Add(TcpFlagsOfOriginal, Liberal, Liberal).Add(TcpFlagsOfReply, Liberal, Liberal))
            );
        }

        return message.Body;
    }

    /// <summary>What names a connection.</summary>
    /// <param name="entry">The connection.</param>
    internal static ReadOnlySpan<byte> NameOf(ConntrackEntry entry)
    {
        AttributeWriter message = new AttributeWriter(FamilyOf(entry)).AddNested(OriginalTuple, tuple => Write(tuple, entry.Original));
        return (entry.Zone == 0 ? message : message.AddPort(ConnectionZone, entry.Zone)).Body;
    }

    private static byte FamilyOf(ConntrackEntry entry) => (byte)(entry.Original.Source.AddressFamily == AddressFamily.InterNetworkV6 ? 10 : 2);

    private static void Write(AttributeWriter writer, ConntrackTuple tuple)
    {
        bool isIPv6 = tuple.Source.AddressFamily == AddressFamily.InterNetworkV6;
        writer.AddNested(
            TupleAddresses,
            addresses =>
                addresses
                    .Add(isIPv6 ? SourceV6 : SourceV4, tuple.Source.GetAddressBytes())
                    .Add(isIPv6 ? DestinationV6 : DestinationV4, tuple.Destination.GetAddressBytes())
        );
        writer.AddNested(TupleProtocol, protocol => WriteProtocol(protocol.Add(ProtocolNumber, tuple.Protocol), tuple));
    }

    private static void WriteProtocol(AttributeWriter writer, ConntrackTuple tuple)
    {
        switch (tuple.Protocol)
        {
            case Tcp or Udp:
                writer.AddPort(ProtocolSourcePort, tuple.SourcePort).AddPort(ProtocolDestinationPort, tuple.DestinationPort);
                break;
            case Icmp:
                writer.AddPort(IcmpIdentifier, tuple.EchoIdentifier).Add(IcmpType, (byte)(tuple.IcmpTypeAndCode >> 8)).Add(IcmpCode, (byte)tuple.IcmpTypeAndCode);
                break;
            case IcmpV6:
                writer.AddPort(Icmp6Identifier, tuple.EchoIdentifier).Add(Icmp6Type, (byte)(tuple.IcmpTypeAndCode >> 8)).Add(Icmp6Code, (byte)tuple.IcmpTypeAndCode);
                break;
            default:
                break;
        }
    }
}
