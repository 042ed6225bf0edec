using System.Collections.Immutable;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Compilation;

/// <summary>Judges connections by compiled tables, step by step as a backend does.</summary>
public sealed class CompiledPolicyReader
{
    private readonly CompiledPolicy _policy;
    private readonly Dictionary<int, RuleIdentity> _rules;

    /// <summary>Prepares to read.</summary>
    /// <param name="policy">The tables.</param>
    public CompiledPolicyReader(CompiledPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        _policy = policy;
        _rules = policy.Rules.ToDictionary(rule => rule.Index, rule => rule.Rule);
    }

    /// <summary>What the tables say of a connection.</summary>
    /// <param name="unit">Number of the unit that is judged.</param>
    /// <param name="direction">Who opens the connection.</param>
    /// <param name="peer">The other end.</param>
    /// <param name="table">What kind of key <paramref name="key"/> is.</param>
    /// <param name="key">Destination port, type and code, or protocol number.</param>
    public Judgement Judge(int unit, Direction direction, AddressKey peer, PortTable table, ushort key)
    {
        Descriptor descriptor = _policy.Descriptors[DescriptorIndex(unit, direction, peer, table, key)];
        return new Judgement(
            descriptor.Verdict,
            _rules[descriptor.RuleIndex],
            descriptor.Flags,
            descriptor.ObservedRuleIndex == 0 ? null : _rules[descriptor.ObservedRuleIndex],
            descriptor.ObservedVerdict
        );
    }

    /// <summary>Which table a protocol has. The family does not matter: it is the protocol number that the wire carries.</summary>
    /// <param name="protocol">IANA protocol number.</param>
    /// <param name="isOnLink">Whether the packet has hop limit 255.</param>
    public static PortTable TableOf(int protocol, bool isOnLink) =>
        protocol switch
        {
            IanaProtocol.Tcp => PortTable.Tcp,
            IanaProtocol.Udp => PortTable.Udp,
            IanaProtocol.Icmp => PortTable.Icmp,
            IanaProtocol.IcmpV6 => isOnLink ? PortTable.Icmp6OnLink : PortTable.Icmp6,
            _ => PortTable.Other,
        };

    /// <summary>Index of the descriptor that decides a connection; the parameters are those of <see cref="Judge"/>.</summary>
    /// <param name="unit">Number of the unit that is judged.</param>
    /// <param name="direction">Who opens the connection.</param>
    /// <param name="peer">The other end.</param>
    /// <param name="table">What kind of key <paramref name="key"/> is.</param>
    /// <param name="key">Destination port, type and code, or protocol number.</param>
    public int DescriptorIndex(int unit, Direction direction, AddressKey peer, PortTable table, ushort key)
    {
        (ushort peerClass, ushort owner) = Peer(peer);
        if (owner == unit)
        {
            return _policy.LocalDescriptor;
        }
        LocalUnit judged = _policy.Units[_policy.Units.BinarySearch(
            new LocalUnit(unit, "", "", 0, new Attachment(AttachmentKind.None, "")),
            Comparer<LocalUnit>.Create((left, right) => left.Number.CompareTo(right.Number))
        )];
        UnitPolicy matrix = _policy.Policies[judged.Policy];
        int row = (direction == Direction.Incoming ? matrix.Incoming : matrix.Outgoing)[peerClass];
        return _policy.Rows[row][PortClass(table, key)];
    }

    private (ushort Class, ushort Unit) Peer(AddressKey peer)
    {
        if (peer.IsIPv6)
        {
            PeerRange<UInt128> high = _policy.Peers.IPv6.At(peer.Value);
            return (high.Class, high.Unit);
        }
        PeerRange<uint> low = _policy.Peers.IPv4.At((uint)peer.Value);
        return (low.Class, low.Unit);
    }

    private ushort PortClass(PortTable table, ushort key)
    {
        ImmutableArray<PortRun> runs = _policy.Ports.Tables[(int)table];
        return runs[LastNotAfter(runs, key)].Class;
    }

    private static int LastNotAfter(ImmutableArray<PortRun> runs, ushort key)
    {
        int low = 0;
        int high = runs.Length - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            if (runs[middle].First <= key)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }
        return low;
    }
}
