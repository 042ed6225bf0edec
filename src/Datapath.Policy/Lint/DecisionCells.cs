using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Lint;

/// <summary>The tables of a policy together with what each rule matches in them: both exact, because no rule tells a class apart.</summary>
internal sealed class DecisionCells
{
    private readonly CompiledPolicy _compiled;
    private readonly CompiledPolicyReader _reader;
    private readonly Dictionary<int, RuleIdentity> _rules;
    private readonly LocalUnit?[] _localOfUnit;
    private readonly ImmutableArray<PeerSegment> _segments;
    private readonly PeerSample[] _peers;
    private readonly (int Class, PortTable Table, ushort Key)[] _ports;
    private readonly Dictionary<int, int[]> _placesOfNetwork = [];
    private readonly Dictionary<(int Peers, Verdict Action), int[]> _classes = [];
    private readonly Dictionary<string, ImmutableArray<(int Class, PortTable Table, ushort Key)>> _portsOfList = [];

    /// <summary>Relates a policy to its tables.</summary>
    /// <param name="policy">After <see cref="EveryUnit"/>.</param>
    /// <param name="compiled">The same policy, compiled from empty indexes.</param>
    public DecisionCells(ResolvedPolicy policy, CompiledPolicy compiled)
    {
        Policy = policy;
        _compiled = compiled;
        _reader = new CompiledPolicyReader(compiled);
        _rules = compiled.Rules.ToDictionary(rule => rule.Index, rule => rule.Rule);
        _localOfUnit = new LocalUnit?[policy.Units.Length];
        var judged = Enumerable.Range(0, policy.Units.Length).Where(unit => policy.Units[unit].IsJudged);
        foreach ((int unit, LocalUnit local) in judged.Zip(compiled.Units))
        {
            _localOfUnit[unit] = local;
        }
        _segments = PeerSegment.Of(compiled.Peers);
        _peers = Samples();
        _ports = [.. PortSegment.Of(compiled.Ports).DistinctBy(segment => segment.Class).Select(one => ((int)one.Class, one.Span.Table, one.Span.First))];
    }

    /// <summary>The policy that the cells belong to.</summary>
    public ResolvedPolicy Policy { get; }

    /// <summary>One address of each class that is nowhere excluded.</summary>
    public IReadOnlyList<PeerSample> Peers => _peers;

    /// <summary>The table of a unit, as a number that units with equal tables share; null when it is never judged.</summary>
    public int? TableOf(int unit) => _localOfUnit[unit]?.Policy;

    /// <summary>What the tables of a unit say of a peer class and a port class; another unit's address is meant.</summary>
    public Descriptor Cell(int table, Direction direction, int peerClass, int portClass)
    {
        UnitPolicy policy = _compiled.Policies[table];
        int row = (direction == Direction.Incoming ? policy.Incoming : policy.Outgoing)[peerClass];
        return _compiled.Descriptors[_compiled.Rows[row][portClass]];
    }

    /// <summary>What a unit says of a peer's address.</summary>
    public Descriptor Decide(int unit, Direction direction, AddressKey peer, PortTable table, ushort key) =>
        _compiled.Descriptors[_reader.DescriptorIndex(_localOfUnit[unit]!.Number, direction, peer, table, key)];

    /// <summary>The peer class of an address.</summary>
    public int ClassOf(AddressKey address)
    {
        int low = 0;
        int high = _segments.Length - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            AddressSpan span = _segments[middle].Span;
            bool isBelow = new AddressKey(span.IsIPv6, span.First) > address;
            (low, high) = isBelow ? (low, middle - 1) : (middle, high);
        }
        return _segments[low].Class;
    }

    /// <summary>The rule that a descriptor names.</summary>
    public RuleIdentity RuleOf(Descriptor descriptor) => _rules[descriptor.RuleIndex];

    /// <summary>The peer classes that a rule matches.</summary>
    public int[] ClassesOf(ResolvedRule rule)
    {
        if (!_classes.TryGetValue((rule.Peers, rule.Action), out int[]? classes))
        {
            PeerSet set = Policy.Peers[rule.Peers];
            HashSet<int> units = [.. set.Units];
            IEnumerable<int> byTags = Enumerable.Range(0, _peers.Length).Where(place => units.Contains(_peers[place].Owner));
            IEnumerable<int> byAddress = set
                .Networks.SelectMany(PlacesOf)
                .Where(place => rule.Action == Verdict.Reject || _peers[place].Owner < 0 || !_peers[place].IsManaged);
            classes = [.. byTags.Concat(byAddress).Select(place => _peers[place].Class).Distinct().Order()];
            _classes.Add((rule.Peers, rule.Action), classes);
        }
        return classes;
    }

    /// <summary>The port classes that a rule matches, each with one of its keys.</summary>
    public ImmutableArray<(int Class, PortTable Table, ushort Key)> PortsOf(ResolvedRule rule)
    {
        string list = string.Join(',', rule.ProtocolPorts.Select(port => port.Text));
        if (!_portsOfList.TryGetValue(list, out ImmutableArray<(int Class, PortTable Table, ushort Key)> ports))
        {
            ports = [.. _ports.Where(port => WrittenMatch.Ports(rule.ProtocolPorts, port.Table, port.Key))];
            _portsOfList.Add(list, ports);
        }
        return ports;
    }

    private PeerSample[] Samples()
    {
        var owners = new Dictionary<AddressKey, (int Unit, bool IsManaged)>();
        for (int unit = 0; unit < Policy.Units.Length; unit++)
        {
            foreach (UnitAddress address in Policy.Units[unit].Addresses)
            {
                owners.TryAdd(address.Key, (unit, address.IsManaged));
            }
        }
        ImmutableArray<NetworkEntry> excluded = Policy.Profile?.ExcludedNetworks ?? [];
        return
        [
            .. _segments
                .DistinctBy(segment => segment.Class)
                .Select(segment => (segment.Class, Key: new AddressKey(segment.Span.IsIPv6, segment.Span.First)))
                .Where(one => !WrittenMatch.Network(excluded, one.Key))
                .Select(one => owners.TryGetValue(one.Key, out var owner)
                    ? new PeerSample(one.Class, one.Key, owner.Unit, owner.IsManaged)
                    : new PeerSample(one.Class, one.Key, -1, false))
                .OrderBy(one => one.Address),
        ];
    }

    /// <summary>The samples that are members of a network: short entries first, so that the longest has the last word.</summary>
    private int[] PlacesOf(int network)
    {
        if (!_placesOfNetwork.TryGetValue(network, out int[]? places))
        {
            var isMember = new bool[_peers.Length];
            foreach (NetworkEntry entry in Policy.Networks[network].Entries.Where(entry => entry.Kind != NetworkEntryKind.HostName).OrderBy(entry => entry.Network.Length))
            {
                var span = AddressSpan.Of(entry.Network);
                for (int place = FirstNotBelow(new AddressKey(span.IsIPv6, span.First)); place < _peers.Length && span.Contains(_peers[place].Address); place++)
                {
                    isMember[place] = entry.Kind == NetworkEntryKind.Network;
                }
            }
            places = [.. Enumerable.Range(0, _peers.Length).Where(place => isMember[place])];
            _placesOfNetwork.Add(network, places);
        }
        return places;
    }

    private int FirstNotBelow(AddressKey address)
    {
        int at = Array.BinarySearch(_peers, new PeerSample(0, address, -1, false), Comparer<PeerSample>.Create((left, right) => left.Address.CompareTo(right.Address)));
        return at < 0 ? ~at : at;
    }
}

/// <summary>One address that stands for its class.</summary>
/// <param name="Class">The peer class.</param>
/// <param name="Address">The lowest address of the class.</param>
/// <param name="Owner">The unit that has the address, or -1.</param>
/// <param name="IsManaged">Whether only the owner's tags may allow.</param>
internal readonly record struct PeerSample(int Class, AddressKey Address, int Owner, bool IsManaged);
