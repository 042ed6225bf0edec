using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Evaluation;

/// <summary>
/// Judges one connection by reading what was written, rule by rule: slow, obvious, and without a line of the resolver or the compiler, so
/// that tests may hold those against it.
/// </summary>
public sealed class PolicyEvaluator
{
    private readonly WrittenPolicy _written;
    private readonly PolicyOptions _options;
    private readonly WrittenScope _scope;
    private readonly WrittenUnits _tags;
    private readonly List<WrittenUnit> _units;
    private readonly List<(ExternalNetwork Network, HashSet<string> Tags)> _networks;
    private readonly EnforcerProfile? _profile;
    private readonly Dictionary<WrittenUnit, List<NetworkRuleset>> _applying = [];

    /// <summary>Prepares to judge.</summary>
    /// <param name="written">The objects of all files, without errors.</param>
    /// <param name="inventory">What the agent knows of its host.</param>
    /// <param name="options">The options that bear on meaning.</param>
    public PolicyEvaluator(WrittenPolicy written, HostInventory inventory, PolicyOptions options)
    {
        ArgumentNullException.ThrowIfNull(written);
        ArgumentNullException.ThrowIfNull(inventory);
        ArgumentNullException.ThrowIfNull(options);
        _written = written;
        _options = options;
        _scope = new WrittenScope(written, options);
        _tags = new WrittenUnits(written, inventory, _scope);
        _units = _tags.All();
        _networks = [.. written.ExternalNetworks.Where(one => !one.Archived).Select(one => (one, _tags.Tags(one, "externalnetwork")))];
        _profile = Profile();
    }

    /// <summary>Every unit, the host among them.</summary>
    internal IReadOnlyList<WrittenUnit> Units => _units;

    /// <summary>Every external network that is not archived, with its tags.</summary>
    internal IReadOnlyList<(ExternalNetwork Network, HashSet<string> Tags)> Networks => _networks;

    /// <summary>The enforcer profile of this host; null when none is mapped to it.</summary>
    internal EnforcerProfile? ProfileInForce => _profile;

    /// <summary>What namespaces mean.</summary>
    internal WrittenScope Scope => _scope;

    /// <summary>What the policy says of a connection, on the side that is asked.</summary>
    /// <param name="question">The connection.</param>
    /// <exception cref="ArgumentException">No such unit is written.</exception>
    public Judgement Judge(Question question)
    {
        ArgumentNullException.ThrowIfNull(question);
        return Judge(Find(question.Unit), question);
    }

    /// <summary>The same for a unit that was found before, because names are not unique.</summary>
    internal Judgement Judge(WrittenUnit unit, Question question)
    {
        WrittenUnit? owner = _units.Find(one => one.Addresses.Contains(question.Peer));
        if (owner == unit && question.PeerMayBeUnit)
        {
            return Plain(RuleKind.Local, "local", question.Direction, DescriptorFlags.Log) with { Rule = new(RuleKind.Local, "", "local", Direction.Incoming, 0, "") };
        }
        if (_profile?.IgnoreExpression is { } ignored && WrittenMatch.Tags(ignored, unit.Tags))
        {
            return Plain(RuleKind.BuiltIn, "ignored", question.Direction, DescriptorFlags.BuiltIn);
        }
        if (_profile is not null && WrittenMatch.Network(_profile.ExcludedNetworks, question.Peer))
        {
            return Plain(RuleKind.BuiltIn, "excluded", question.Direction, DescriptorFlags.BuiltIn);
        }
        if (BuiltIn(question) is { } builtIn)
        {
            return Plain(RuleKind.BuiltIn, builtIn, question.Direction, DescriptorFlags.BuiltIn);
        }
        List<MatchingRule> matching = Matching(unit, owner, question);
        Judgement decided = Decide(unit, question, matching);
        MatchingRule? observed =
            matching.Find(one => one.Rule is { ObservationEnabled: true, Action: Verdict.Reject })
            ?? matching.Find(one => one.Rule is { ObservationEnabled: true, Action: Verdict.Allow });
        return observed is null ? decided : decided with { Observed = observed.Identity, ObservedVerdict = observed.Rule.Action };
    }

    private Judgement Decide(WrittenUnit unit, Question question, List<MatchingRule> matching)
    {
        FailsafePort? failsafe = unit.IsHost ? _options.Failsafe.FirstOrDefault(port => IsFor(port, question)) : null;
        if (failsafe is not null && _options.FailsafeBeatsReject)
        {
            return Plain(RuleKind.Failsafe, failsafe.ToString(), question.Direction, DescriptorFlags.Failsafe | DescriptorFlags.Log);
        }
        MatchingRule? rule =
            matching.Find(one => one.Rule is { ObservationEnabled: false, Action: Verdict.Reject })
            ?? matching.Find(one => one.Rule is { ObservationEnabled: false, Action: Verdict.Allow });
        if (rule is not null)
        {
            DescriptorFlags flags = rule.Rule.LogsDisabled ? DescriptorFlags.None : DescriptorFlags.Log;
            return new Judgement(rule.Rule.Action, rule.Identity, flags, null, Verdict.Reject);
        }
        if (failsafe is not null)
        {
            return Plain(RuleKind.Failsafe, failsafe.ToString(), question.Direction, DescriptorFlags.Failsafe | DescriptorFlags.Log);
        }
        (Verdict verdict, string setBy) = _scope.Default(unit.Name.Namespace, question.Direction);
        var identity = new RuleIdentity(RuleKind.Default, setBy, "default", question.Direction, 0, "");
        return new Judgement(verdict, identity, DescriptorFlags.Default | DescriptorFlags.Log, null, Verdict.Reject);
    }

    private static Judgement Plain(RuleKind kind, string name, Direction direction, DescriptorFlags flags) =>
        new(Verdict.Allow, new RuleIdentity(kind, "", name, direction, 0, ""), flags, null, Verdict.Reject);

    private WrittenUnit Find(UnitName? name) =>
        _units.Find(one => name is null ? one.IsHost : one.Name == name)
        ?? throw new ArgumentException($"no processing unit '{name?.Name}' in '{name?.Namespace}'", nameof(name));

    /// <summary>The built-in allowance that a connection has; null when none.</summary>
    internal static string? BuiltIn(Question question)
    {
        if (question.Table is not (PortTable.Icmp6 or PortTable.Icmp6OnLink) || (question.Key & 0xff) != 0)
        {
            return null;
        }
        return (question.Key >> 8, question.Table == PortTable.Icmp6OnLink) switch
        {
            (130, _) => "multicast-listener-query",
            (131, _) => "multicast-listener-report",
            (132, _) => "multicast-listener-done",
            (133, true) => "router-solicitation",
            (134, true) => "router-advertisement",
            (135, true) => "neighbour-solicitation",
            (136, true) => "neighbour-advertisement",
            (141, true) => "inverse-neighbour-solicitation",
            (142, true) => "inverse-neighbour-advertisement",
            (143, _) => "multicast-listener-report-v2",
            _ => null,
        };
    }

    /// <summary>Whether a failsafe port is for a connection.</summary>
    internal static bool IsFor(FailsafePort port, Question question) =>
        port.Direction == question.Direction
        && question.Table == (port.Protocol == 6 ? PortTable.Tcp : PortTable.Udp)
        && question.Key == port.Port
        && (port.Network is not { } network || (network.IsIPv6 == question.Peer.IsIPv6 && network.Contains(question.Peer.Value)));

    /// <summary>Every rule that matches the connection, in the order of naming.</summary>
    private List<MatchingRule> Matching(WrittenUnit unit, WrittenUnit? owner, Question question)
    {
        var matching = new List<MatchingRule>();
        foreach (NetworkRuleset ruleset in Applying(unit))
        {
            string home = _scope.Home(ruleset);
            ImmutableArray<NetworkRule> rules = question.Direction == Direction.Incoming ? ruleset.IncomingRules : ruleset.OutgoingRules;
            for (int i = 0; i < rules.Length; i++)
            {
                if (WrittenMatch.Ports(rules[i].ProtocolPorts, question.Table, question.Key) && IsPeer(rules[i], home, owner, question.Peer))
                {
                    var identity = new RuleIdentity(RuleKind.Ruleset, home, ruleset.Name, question.Direction, i + 1, rules[i].Name);
                    matching.Add(new MatchingRule(rules[i], identity));
                }
            }
        }
        return matching;
    }

    private bool IsPeer(NetworkRule rule, string home, WrittenUnit? owner, AddressKey peer)
    {
        if (owner is not null && WrittenMatch.Tags(rule.Object, owner.Tags))
        {
            return true;
        }
        // Where a unit answers, an external network's Allow does not stand in for the unit's identity; its Reject holds.
        bool mayUseNetworks = owner is null || rule.Action == Verdict.Reject || !IsManaged(peer);
        return mayUseNetworks
            && _networks.Exists(one =>
                WrittenScope.Sees(home, _scope.Home(one.Network), one.Network.Propagate)
                && WrittenMatch.Tags(rule.Object, one.Tags)
                && WrittenMatch.Network(one.Network.Entries, peer)
            );
    }

    /// <summary>Whether a unit with this address is known by its tags alone.</summary>
    internal bool IsManaged(AddressKey address) =>
        _profile is null || _profile.TargetNetworks.IsEmpty || WrittenMatch.Network(_profile.TargetNetworks, address);

    /// <summary>The rulesets that apply to a unit, in the order of naming.</summary>
    internal List<NetworkRuleset> Applying(WrittenUnit unit)
    {
        if (_applying.TryGetValue(unit, out List<NetworkRuleset>? known))
        {
            return known;
        }
        NetworkRuleset[] applying =
        [
            .. _written
                .Rulesets.Where(ruleset => !ruleset.Disabled && UsesListedTags(ruleset))
                .Where(ruleset => WrittenScope.Sees(unit.Name.Namespace, _scope.Home(ruleset), ruleset.Propagate))
                .Where(ruleset => WrittenMatch.Tags(ruleset.Subject, unit.Tags)),
        ];
        bool hasOrdinary = applying.Any(ruleset => !ruleset.Fallback);
        List<NetworkRuleset> ordered =
        [
            .. applying
                .Where(ruleset => !ruleset.Fallback || !hasOrdinary)
                .OrderBy(ruleset => WrittenScope.Depth(_scope.Home(ruleset)))
                .ThenBy(ruleset => ruleset.Name, StringComparer.Ordinal)
                .ThenBy(_scope.Home, StringComparer.Ordinal),
        ];
        _applying.Add(unit, ordered);
        return ordered;
    }

    private bool UsesListedTags(NetworkRuleset ruleset) =>
        new[] { ruleset.Subject }
            .Concat(ruleset.IncomingRules.Select(rule => rule.Object))
            .Concat(ruleset.OutgoingRules.Select(rule => rule.Object))
            .SelectMany(expression => expression.Clauses)
            .SelectMany(clause => clause)
            .All(tag => _scope.MayUse(_scope.Home(ruleset), tag));

    private EnforcerProfile? Profile() => MappedProfile(byFallback: false) ?? MappedProfile(byFallback: true);

    private EnforcerProfile? MappedProfile(bool byFallback) =>
        _written.EnforcerProfiles.FirstOrDefault(profile =>
            _written.EnforcerProfileMappings.Any(mapping =>
                !mapping.Disabled
                && mapping.Fallback == byFallback
                && WrittenScope.Sees(_scope.Origin, _scope.Home(mapping), mapping.Propagate)
                && WrittenScope.Sees(_scope.Home(mapping), _scope.Home(profile), profile.Propagate)
                && WrittenMatch.Tags(mapping.Subject, _tags.EnforcerTags())
                && WrittenMatch.Tags(mapping.Object, _tags.Tags(profile, "enforcerprofile"))
            )
        );

    private sealed record MatchingRule(NetworkRule Rule, RuleIdentity Identity);
}
