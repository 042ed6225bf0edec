using System.Collections.Immutable;
using Datapath.Policy.Options;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>Every rule that bears on one direction of a unit, the one that goes before the others first.</summary>
/// <param name="Deciding">Rules that decide; the last one is the default and holds for every peer and port.</param>
/// <param name="Observing">Rules that only report: Reject before Allow.</param>
internal sealed record DirectionRules(ImmutableArray<PreparedRule> Deciding, ImmutableArray<PreparedRule> Observing);

/// <summary>Puts the rules of each unit in the order of precedence.</summary>
/// <remarks>
/// 1 excluded networks, 2 built-ins, 3 failsafe ports if they beat Reject, 4 Reject, 5 Allow, 6 failsafe ports if they do not,
/// 7 the default of the namespace. Within 4 and 5 the order of naming: that of the rulesets, then of the rules in each.
/// </remarks>
internal sealed class DirectionOrder
{
    private readonly ResolvedPolicy _policy;
    private readonly RuleCatalog _catalog;
    private readonly PeerAtoms _atoms;
    private readonly PortLists _ports;
    private readonly ImmutableArray<NetworkEntry>[] _failsafeNetworks;
    private readonly Dictionary<(Direction Direction, int Ruleset), RulesetRules> _prepared = [];
    private readonly Dictionary<string, ResolvedNamespace> _namespaces;
    private readonly ImmutableArray<PreparedRule>[] _builtIns;
    private readonly ImmutableArray<PreparedRule>[] _failsafe;

    public DirectionOrder(ResolvedPolicy policy, RuleCatalog catalog, PortLists ports)
    {
        _policy = policy;
        _catalog = catalog;
        _ports = ports;
        _namespaces = policy.Namespaces.ToDictionary(one => one.Path);
        IpPrefix[] networks = [.. policy.Failsafe.Select(port => port.Network).OfType<IpPrefix>().Distinct()];
        _failsafeNetworks = [.. networks.Select(network => ImmutableArray.Create(new NetworkEntry(default, network.ToString(), NetworkEntryKind.Network, network)))];
        _atoms = new PeerAtoms(policy, networks.Length);
        Direction[] directions = [Direction.Incoming, Direction.Outgoing];
        _builtIns = [.. directions.Select(direction => ImmutableArray.Create([BuiltInRules.Excluded(direction, catalog), .. BuiltInRules.Prepare(direction, catalog, ports)]))];
        _failsafe = [.. directions.Select(direction => Failsafe(direction, networks))];
    }

    /// <summary>The questions that the rules ask about peers.</summary>
    public PeerAtoms Atoms => _atoms;

    /// <summary>What the sweep must tell apart: external networks, then excluded ones, then those of failsafe ports.</summary>
    public ImmutableArray<ImmutableArray<NetworkEntry>> Networks =>
        [.. _policy.Networks.Select(network => network.Entries), _policy.Profile?.ExcludedNetworks ?? [], .. _failsafeNetworks];

    /// <summary>The port lists of all rules that were asked for, each once.</summary>
    public IEnumerable<int> PortsInUse =>
        _prepared
            .Values.SelectMany(rules => rules.All)
            .Concat(_builtIns.SelectMany(rules => rules))
            .Concat(_failsafe.SelectMany(rules => rules))
            .Select(rule => rule.Ports)
            .Distinct();

    /// <summary>What two units must agree in so that one direction of them is the same policy.</summary>
    public int[] Key(ResolvedUnit unit, Direction direction) =>
        [
            (int)direction,
            unit.IsHost ? 1 : 0,
            Default(unit, direction),
            .. unit.Rulesets.Where(ruleset => !_policy.Rulesets[ruleset].Rules(direction).IsEmpty),
        ];

    /// <summary>The rules of one direction of a unit.</summary>
    public DirectionRules Rules(ResolvedUnit unit, Direction direction)
    {
        RulesetRules[] own = [.. unit.Rulesets.Select(ruleset => Prepared(direction, ruleset))];
        ImmutableArray<PreparedRule> failsafe = unit.IsHost ? _failsafe[(int)direction] : [];
        return new DirectionRules(
            [
                .. _builtIns[(int)direction],
                .. _policy.FailsafeBeatsReject ? failsafe : [],
                .. own.SelectMany(rules => rules.Rejects),
                .. own.SelectMany(rules => rules.Allows),
                .. _policy.FailsafeBeatsReject ? [] : failsafe,
                new PreparedRule(Default(unit, direction), PreparedRule.Everybody, PortLists.Any, Rank: 0),
            ],
            [.. own.SelectMany(rules => rules.ObservedRejects), .. own.SelectMany(rules => rules.ObservedAllows)]
        );
    }

    private RulesetRules Prepared(Direction direction, int ruleset)
    {
        if (!_prepared.TryGetValue((direction, ruleset), out RulesetRules? rules))
        {
            rules = new RulesetRules([], [], [], []);
            int rank = Namesakes(ruleset);
            foreach (ResolvedRule rule in _policy.Rulesets[ruleset].Rules(direction))
            {
                DescriptorFlags flags = rule.IsLogged ? DescriptorFlags.Log : DescriptorFlags.None;
                int number = _catalog.Number(rule.Identity, rule.Content, rule.Action, flags);
                rules.Of(rule).Add(new PreparedRule(number, _atoms.OfPeers(rule.Peers, rule.Action), _ports.Number(rule.ProtocolPorts), rank));
            }
            _prepared.Add((direction, ruleset), rules);
        }
        return rules;
    }

    /// <summary>Rulesets of the same name and namespace before this one: written order is all that tells them apart.</summary>
    private int Namesakes(int ruleset)
    {
        ResolvedRuleset own = _policy.Rulesets[ruleset];
        int first = ruleset;
        while (first > 0 && _policy.Rulesets[first - 1].Name == own.Name && _policy.Rulesets[first - 1].Namespace == own.Namespace)
        {
            first--;
        }
        return ruleset - first;
    }

    private int Default(ResolvedUnit unit, Direction direction)
    {
        ResolvedNamespace home = _namespaces[unit.Namespace];
        ResolvedDefault action = direction == Direction.Incoming ? home.Incoming : home.Outgoing;
        var identity = new RuleIdentity(RuleKind.Default, action.SetBy, "default", direction, 0, "");
        return _catalog.Number(identity, (ulong)action.Verdict, action.Verdict, DescriptorFlags.Default | DescriptorFlags.Log);
    }

    private ImmutableArray<PreparedRule> Failsafe(Direction direction, IpPrefix[] networks) =>
        [.. _policy.Failsafe.Where(port => port.Direction == direction).Select((port, i) => Failsafe(port, i, networks))];

    private PreparedRule Failsafe(FailsafePort port, int place, IpPrefix[] networks) =>
        new(
            _catalog.Number(
                new RuleIdentity(RuleKind.Failsafe, "", port.ToString(), port.Direction, 0, ""),
                0,
                Verdict.Allow,
                DescriptorFlags.Failsafe | DescriptorFlags.Log
            ),
            port.Network is { } network ? PeerAtoms.OfFailsafe(Array.IndexOf(networks, network)) : PreparedRule.Everybody,
            _ports.Number([new ProtocolPort(port.ToString(), port.Protocol, [new KeyRange(port.Port, port.Port)])]),
            (place << 1) | (_policy.FailsafeBeatsReject ? 1 : 0)
        );

    private sealed record RulesetRules(
        List<PreparedRule> Rejects,
        List<PreparedRule> Allows,
        List<PreparedRule> ObservedRejects,
        List<PreparedRule> ObservedAllows
    )
    {
        public IEnumerable<PreparedRule> All => Rejects.Concat(Allows).Concat(ObservedRejects).Concat(ObservedAllows);

        public List<PreparedRule> Of(ResolvedRule rule) =>
            (rule.Action, rule.IsObserving) switch
            {
                (Verdict.Reject, false) => Rejects,
                (Verdict.Reject, true) => ObservedRejects,
                (_, false) => Allows,
                (_, true) => ObservedAllows,
            };
    }
}
