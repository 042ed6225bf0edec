using Datapath.Policy.Inventory;

namespace Datapath.Shared.Sequences;

/// <summary>A packet as a person would describe it, without bytes: what oracles judge and drivers send.</summary>
internal sealed record WirePacket
{
    public required AddressKey Source { get; init; }

    public required AddressKey Destination { get; init; }

    /// <summary>IANA number.</summary>
    public required int Protocol { get; init; }

    /// <summary>Of TCP and UDP; of an ICMP echo the identifier.</summary>
    public ushort SourcePort { get; init; }

    /// <summary>Of TCP and UDP.</summary>
    public ushort DestinationPort { get; init; }

    /// <summary>Of TCP.</summary>
    public TcpFlags Flags { get; init; }

    /// <summary>Of ICMP and ICMPv6: <c>type &lt;&lt; 8 | code</c>.</summary>
    public ushort IcmpKind { get; init; }

    /// <summary>Whether the hop limit is 255, which nothing from beyond a router has.</summary>
    public bool IsOnLink { get; init; }

    public FragmentPart Fragment { get; init; }

    /// <summary>What the fragments of one datagram have in common.</summary>
    public ushort FragmentId { get; init; }

    public Damage Damage { get; init; }

    /// <summary>The packet that an ICMP error is about.</summary>
    public WirePacket? About { get; init; }

    public bool IsIPv6 => Source.IsIPv6;

    public bool IsIcmp => Protocol is ProtocolNumber.Icmp or ProtocolNumber.Icmp6;

    /// <summary>Whether it asks or answers "are you there": then it has an identifier.</summary>
    public bool IsEcho =>
        Protocol == ProtocolNumber.Icmp ? IcmpKind >> 8 is 0 or 8 : Protocol == ProtocolNumber.Icmp6 && IcmpKind >> 8 is 128 or 129;
}

/// <summary>The protocols that have something to read behind the IP header.</summary>
internal static class ProtocolNumber
{
    public const int Icmp = 1;
    public const int Tcp = 6;
    public const int Udp = 17;
    public const int Icmp6 = 58;
}

/// <summary>In the order of the header's byte (RFC 9293, 3.1).</summary>
[Flags]
internal enum TcpFlags : byte
{
    None = 0,
    Fin = 1,
    Syn = 2,
    Rst = 4,
    Ack = 16,
}

/// <summary>Which part of a datagram a packet is.</summary>
internal enum FragmentPart
{
    Whole,
    First,
    Later,
}

/// <summary>What is wrong with a packet.</summary>
internal enum Damage
{
    None,

    /// <summary>It ends before its ports.</summary>
    CutBeforePorts,

    /// <summary>Its IP header is of a version that the frame does not say.</summary>
    WrongVersion,

    /// <summary>IPv6: one extension header more than anybody follows.</summary>
    TooManyExtensions,
}
