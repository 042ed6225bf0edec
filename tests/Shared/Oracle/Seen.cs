using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Shared.Sequences;

namespace Datapath.Shared.Oracle;

/// <summary>What can be read of a packet.</summary>
internal sealed record Seen
{
    public required AddressKey Source { get; init; }

    public required AddressKey Destination { get; init; }

    public required int Protocol { get; init; }

    public ushort SourcePort { get; init; }

    public ushort DestinationPort { get; init; }

    /// <summary>What policy asks for: destination port, type and code, or protocol number.</summary>
    public ushort Key { get; init; }

    public PortTable Table { get; init; }

    public TcpFlags Flags { get; init; }

    public FragmentPart Fragment { get; init; }

    public ushort FragmentId { get; init; }

    /// <summary>What keeps the ports from being read.</summary>
    public DropReason Defect { get; init; }

    public bool IsProtocolKnown => Defect != DropReason.ExtensionLimit;

    /// <summary>The packet that an ICMP error is about, if it tells.</summary>
    public Seen? About { get; init; }

    public (AddressKey Address, ushort Port) Sender => (Source, SourcePort);

    public (AddressKey Address, ushort Port) Receiver => (Destination, DestinationPort);

    /// <summary>The flags that open and close a connection.</summary>
    public TcpFlags HandshakeFlags => Flags & (TcpFlags.Syn | TcpFlags.Fin | TcpFlags.Rst);

    public bool IsOpeningSyn => Protocol == ProtocolNumber.Tcp && Flags.HasFlag(TcpFlags.Syn) && !Flags.HasFlag(TcpFlags.Ack);

    /// <summary>Reads a packet.</summary>
    public static Seen Of(WirePacket packet)
    {
        var seen = new Seen
        {
            Source = packet.Source,
            Destination = packet.Destination,
            Protocol = packet.Protocol,
            Fragment = packet.Fragment,
            FragmentId = packet.FragmentId,
            Table = TableOf(packet),
        };
        if (packet.Damage == Damage.TooManyExtensions)
        {
            // Nobody knows what it carries; 0 is what an unread protocol field says.
            return seen with { Protocol = 0, Table = PortTable.Other, Defect = DropReason.ExtensionLimit };
        }
        if (seen.Table == PortTable.Other)
        {
            return seen with { Key = (ushort)packet.Protocol };
        }
        if (packet.Fragment == FragmentPart.Later)
        {
            return seen with { Defect = DropReason.PortsUnknown };
        }
        if (packet.Damage == Damage.CutBeforePorts)
        {
            return seen with { Defect = packet.Fragment == FragmentPart.First ? DropReason.PortsUnknown : DropReason.ShortHeader };
        }
        return packet.IsIcmp ? WithKind(seen, packet) : seen with { SourcePort = packet.SourcePort, DestinationPort = packet.DestinationPort, Key = packet.DestinationPort, Flags = packet.Flags };
    }

    private static Seen WithKind(Seen seen, WirePacket packet)
    {
        seen = seen with { Key = packet.IcmpKind };
        if (packet.IsEcho)
        {
            return seen with { SourcePort = packet.SourcePort, DestinationPort = packet.SourcePort };
        }
        // Without an identifier nothing answers: each direction is a flow of its own.
        ushort kind = packet.IcmpKind == 0 ? ushort.MaxValue : packet.IcmpKind;
        return seen with { DestinationPort = kind, About = packet.About is { } about ? Quoted(packet, about) : null };
    }

    /// <summary>What an error says of the packet that it is about: enough only where that has ports or an identifier.</summary>
    private static Seen? Quoted(WirePacket error, WirePacket about)
    {
        bool isError = error.Protocol == ProtocolNumber.Icmp ? error.IcmpKind >> 8 is 3 or 11 or 12 : error.IcmpKind >> 8 is >= 1 and <= 4;
        bool hasEnds = about.Protocol is ProtocolNumber.Tcp or ProtocolNumber.Udp || about.IsEcho;
        return isError && hasEnds && about is { Fragment: not FragmentPart.Later, Damage: Damage.None } && about.IsIPv6 == error.IsIPv6 ? Of(about) : null;
    }

    private static PortTable TableOf(WirePacket packet) =>
        packet.Protocol switch
        {
            ProtocolNumber.Tcp => PortTable.Tcp,
            ProtocolNumber.Udp => PortTable.Udp,
            ProtocolNumber.Icmp => PortTable.Icmp,
            ProtocolNumber.Icmp6 => packet.IsOnLink ? PortTable.Icmp6OnLink : PortTable.Icmp6,
            _ => PortTable.Other,
        };
}
