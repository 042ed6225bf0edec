using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Tests.Support;

namespace Datapath.Shared.Sequences;

/// <summary>
/// Makes sequences of 1 to 40 packets over at most six pairs of ends, both directions, with everything that may come between. Most addresses
/// and ports stand on an edge of the policy or beside one. Knows nothing of who judges.
/// </summary>
/// <param name="random">Decides.</param>
/// <param name="policy">Whose edges count.</param>
/// <param name="generator">Gives what stands on no edge.</param>
/// <param name="places">Where packets may cross.</param>
/// <param name="hostAddresses">Addresses of the host.</param>
internal sealed class SequenceGenerator(
    Random random,
    PolicyCase policy,
    RandomPolicy generator,
    ImmutableArray<Place> places,
    ImmutableArray<AddressKey> hostAddresses
)
{
    private const int MostPackets = 40;
    private const int MostTalks = 6;

    private static readonly ushort[] Ids = [1, 2];

    private static readonly ushort[] FlowPorts = [1024, 40000, 53, 80];

    /// <summary>Waits that reach every timeout; see <see cref="WaitStep"/>.</summary>
    private static readonly int[] Waits = [18, 18, 18, 36, 36, 108, 126, 126, 612, 3600, 432_018];

    private readonly PolicyEdges _edges = new(policy);

    /// <summary>A sequence under policies of which there are so many.</summary>
    public ImmutableArray<Step> Next(int versions)
    {
        Talk[] talks = [.. Enumerable.Range(0, 1 + random.Next(MostTalks)).Select(_ => NextTalk())];
        var steps = ImmutableArray.CreateBuilder<Step>();
        for (int left = 1 + random.Next(MostPackets); left > 0; left--)
        {
            Talk talk = One(talks);
            if (Between(talk, versions) is { } step)
            {
                steps.Add(step);
            }
            steps.Add(Crossing(talk));
        }
        return steps.ToImmutable();
    }

    private bool Chance(int one) => random.Next(one) == 0;

    private T One<T>(IReadOnlyList<T> choices) => choices[random.Next(choices.Count)];

    private Step? Between(Talk talk, int versions) =>
        random.Next(60) switch
        {
            < 7 => new PolicyStep(random.Next(versions)),
            < 11 => new WaitStep(One(Waits)),
            11 => new EvictStep(null),
            12 or 13 => new EvictStep(talk.Packet(fromCaller: true)),
            _ => null,
        };

    private Talk NextTalk()
    {
        Place place = One(places);
        (PortTable table, ushort key) = _edges.Port(random, generator.Key);
        if (table is PortTable.Icmp && Chance(2))
        {
            key = 8 << 8;
        }
        else if (table is PortTable.Icmp6 or PortTable.Icmp6OnLink)
        {
            key = Chance(2) ? (ushort)(128 << 8) : Chance(2) ? (ushort)(random.Next(130, 144) << 8) : key;
        }
        AddressKey peer = Peer(place);
        bool isIPv6 = table switch
        {
            PortTable.Icmp => Chance(20),
            PortTable.Icmp6 or PortTable.Icmp6OnLink => !Chance(20),
            _ => peer.IsIPv6,
        };
        while (peer.IsIPv6 != isIPv6)
        {
            peer = Peer(place);
        }
        if (table == PortTable.Other)
        {
            key = Protocol(key, isIPv6);
        }
        // Whoever has no address of the family sees packets of others: once in a while.
        for (int tries = 0; tries < 3 && !place.Addresses.Any(address => address.IsIPv6 == isIPv6); tries++)
        {
            place = One(places);
        }
        return new Talk(place, UnitAddress(place, isIPv6), peer, table, key, CallerPort(), Chance(2));
    }

    private ushort CallerPort() => Chance(3) ? _edges.Port(random, generator.Key).Key : One(FlowPorts);

    private AddressKey Peer(Place place) =>
        random.Next(6) switch
        {
            0 when !hostAddresses.IsEmpty && (place.Unit is not null || Chance(4)) => One(hostAddresses),
            1 when places.Any(place => !place.Addresses.IsEmpty) => One([.. places.SelectMany(place => place.Addresses)]),
            _ => _edges.Address(random, generator.Address),
        };

    private AddressKey UnitAddress(Place place, bool isIPv6)
    {
        AddressKey[] own = [.. place.Addresses.Where(address => address.IsIPv6 == isIPv6)];
        return own.Length > 0 ? One(own) : isIPv6 ? new AddressKey(true, (UInt128)0xfd09 << 112 | 1) : new AddressKey(false, 0x0a090001);
    }

    // What has ports or a chain of headers of its own is another table's.
    private static ushort Protocol(ushort key, bool isIPv6) =>
        key is ProtocolNumber.Icmp or ProtocolNumber.Tcp or ProtocolNumber.Udp or ProtocolNumber.Icmp6 || (isIPv6 && key is 0 or 43 or 44 or 51 or 60) ? (ushort)47 : key;

    private PacketStep Crossing(Talk talk)
    {
        bool fromUnit = Chance(2);
        bool fromCaller = fromUnit == talk.IsUnitCaller;
        WirePacket packet = Dressed(talk, fromCaller, talk.Packet(fromCaller));
        if (!talk.IsWithItself && Chance(9))
        {
            packet = Error(talk, fromUnit, packet);
        }
        bool isInwards = fromUnit == talk.Place.Unit is not null;
        bool isPeerHost = hostAddresses.Contains(talk.PeerAddress);
        Origin origin =
            isInwards ? Origin.SameInterface
            : talk.Place.Unit is null ? (Chance(12) ? Origin.OtherInterface : Origin.Host)
            : talk.IsWithItself && Chance(2) ? Origin.SameInterface
            : Chance(8) != isPeerHost ? Origin.Host
            : Origin.OtherInterface;
        return new PacketStep(talk.Place.Interface, isInwards, origin, packet);
    }

    /// <summary>The packet with flags, as a fragment, or damaged.</summary>
    private WirePacket Dressed(Talk talk, bool fromCaller, WirePacket packet)
    {
        packet = packet with { Flags = talk.Table == PortTable.Tcp ? Flags(fromCaller) : TcpFlags.None };
        if (packet.IsIcmp && Chance(5))
        {
            packet = packet with { IcmpKind = talk.Packet(!fromCaller).IcmpKind };
        }
        if (Chance(9))
        {
            packet = packet with { Fragment = One([FragmentPart.First, FragmentPart.First, FragmentPart.Later]), FragmentId = One(Ids) };
        }
        return random.Next(120) switch
        {
            0 when packet.Fragment != FragmentPart.Later && talk.Table != PortTable.Other => packet with { Damage = Damage.CutBeforePorts },
            1 => packet with { Damage = Damage.WrongVersion, Fragment = FragmentPart.Whole, FragmentId = 0 },
            2 when talk.IsIPv6 => packet with { Damage = Damage.TooManyExtensions, Fragment = FragmentPart.Whole, FragmentId = 0 },
            _ => packet,
        };
    }

    private TcpFlags Flags(bool fromCaller) =>
        random.Next(20) switch
        {
            < 7 => fromCaller ? TcpFlags.Syn : TcpFlags.Syn | TcpFlags.Ack,
            < 15 => TcpFlags.Ack,
            < 17 => TcpFlags.Fin | TcpFlags.Ack,
            17 => Chance(3) ? TcpFlags.Rst : TcpFlags.Rst | TcpFlags.Ack,
            18 => fromCaller ? TcpFlags.Syn | TcpFlags.Ack : TcpFlags.Syn,
            _ => TcpFlags.None,
        };

    /// <summary>An ICMP error, mostly about a packet of the talk that went the other way, from its end or from a router.</summary>
    private WirePacket Error(Talk talk, bool fromUnit, WirePacket like)
    {
        WirePacket about = talk.Packet(fromCaller: fromUnit != talk.IsUnitCaller);
        about = random.Next(8) switch
        {
            0 => talk.Packet(fromCaller: fromUnit == talk.IsUnitCaller),
            1 when about.IsEcho || talk.Table <= PortTable.Udp => about with { SourcePort = (ushort)(about.SourcePort + 1) },
            2 => about with { Fragment = FragmentPart.Later, FragmentId = 1 },
            3 => about with { Flags = TcpFlags.Ack },
            _ => about,
        };
        int[] types = talk.IsIPv6 ? [1, 2, 3, 4, 5] : [3, 3, 11, 12, 5];
        return new WirePacket
        {
            Source = fromUnit || Chance(2) ? like.Source : _edges.Address(random, generator.Address) is { } router && router.IsIPv6 == talk.IsIPv6 ? router : like.Source,
            Destination = like.Destination,
            Protocol = talk.IsIPv6 ? ProtocolNumber.Icmp6 : ProtocolNumber.Icmp,
            IcmpKind = (ushort)((One(types) << 8) | random.Next(2)),
            About = about,
        };
    }
}
