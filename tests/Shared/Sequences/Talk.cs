using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;

namespace Datapath.Shared.Sequences;

/// <summary>Two ends that talk: a unit behind an interface, and somebody.</summary>
/// <param name="Place">Where the unit is.</param>
/// <param name="UnitAddress">Its end.</param>
/// <param name="PeerAddress">The other end.</param>
/// <param name="Table">Which protocol they speak.</param>
/// <param name="Key">The port of the one who is called, the ICMP type and code that calls, or the protocol.</param>
/// <param name="CallerPort">The port of the one who calls, or the identifier of an echo.</param>
/// <param name="IsUnitCaller">Who calls.</param>
internal sealed record Talk(Place Place, AddressKey UnitAddress, AddressKey PeerAddress, PortTable Table, ushort Key, ushort CallerPort, bool IsUnitCaller)
{
    /// <summary>Whether the other end is the unit, or only says so: what is sent tells, packet by packet.</summary>
    public bool IsWithItself => Place.Addresses.Contains(PeerAddress);

    public bool IsIPv6 => UnitAddress.IsIPv6;

    public int Protocol =>
        Table switch
        {
            PortTable.Tcp => ProtocolNumber.Tcp,
            PortTable.Udp => ProtocolNumber.Udp,
            PortTable.Icmp => ProtocolNumber.Icmp,
            PortTable.Other => Key,
            _ => ProtocolNumber.Icmp6,
        };

    /// <summary>A plain packet of the talk.</summary>
    /// <param name="fromCaller">Who sends it.</param>
    public WirePacket Packet(bool fromCaller)
    {
        bool fromUnit = fromCaller == IsUnitCaller;
        bool hasPorts = Table <= PortTable.Udp;
        bool isIcmp = Table is PortTable.Icmp or PortTable.Icmp6 or PortTable.Icmp6OnLink;
        var packet = new WirePacket
        {
            Source = fromUnit ? UnitAddress : PeerAddress,
            Destination = fromUnit ? PeerAddress : UnitAddress,
            Protocol = Protocol,
            SourcePort = hasPorts && !fromCaller ? Key : hasPorts || isIcmp ? CallerPort : (ushort)0,
            DestinationPort = !hasPorts ? (ushort)0 : fromCaller ? Key : CallerPort,
            IcmpKind = !isIcmp ? (ushort)0 : fromCaller ? Key : Answer(Key),
            IsOnLink = Table == PortTable.Icmp6OnLink,
        };
        return isIcmp && !packet.IsEcho ? packet with { SourcePort = 0 } : packet;
    }

    /// <summary>The kind of ICMP that answers; others are answered by their like.</summary>
    private static ushort Answer(ushort kind) => (ushort)((kind >> 8) switch { 8 => 0, 128 => 129 << 8, 0 => 8 << 8, 129 => 128 << 8, int other => (other << 8) | (kind & 0xff) });
}
