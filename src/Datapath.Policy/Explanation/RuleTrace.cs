using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Explanation;

/// <summary>A written rule held against a connection.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="Identity">What it is called.</param>
/// <param name="Lacks">What keeps it from matching; empty when it matches.</param>
/// <param name="Because">What made it match the peer; null when the peer does not match.</param>
internal sealed record RuleTrace(NetworkRule Rule, RuleIdentity Identity, ImmutableArray<Lack> Lacks, string? Because)
{
    /// <summary>Whether it is in force and matches; an observing rule may.</summary>
    public bool Matches => Lacks.IsEmpty;
}

/// <summary>Holds every written rule against a connection, those that are not in force too.</summary>
internal sealed class RuleTraces(PolicyEvaluator evaluator, WrittenPolicy written)
{
    private readonly ImmutableArray<NetworkRuleset> _rulesets =
        [
            .. written
                .Rulesets.OrderBy(ruleset => WrittenScope.Depth(evaluator.Scope.Home(ruleset)))
                .ThenBy(ruleset => ruleset.Name, StringComparer.Ordinal)
                .ThenBy(evaluator.Scope.Home, StringComparer.Ordinal),
        ];

    private readonly PeerComparison _peers = new(evaluator);
    private readonly Dictionary<NetworkRuleset, string?> _unlistedTags = new(ReferenceEqualityComparer.Instance);

    /// <summary>All rules of one direction, in the order of naming.</summary>
    /// <param name="unit">Who decides.</param>
    /// <param name="owner">The unit that has the peer's address; null for anybody else.</param>
    /// <param name="question">The connection.</param>
    public IEnumerable<RuleTrace> Of(WrittenUnit unit, WrittenUnit? owner, Question question)
    {
        HashSet<NetworkRuleset> applying = new(evaluator.Applying(unit), ReferenceEqualityComparer.Instance);
        foreach (NetworkRuleset ruleset in _rulesets)
        {
            string home = evaluator.Scope.Home(ruleset);
            ImmutableArray<Lack> outside = applying.Contains(ruleset) ? [] : [.. WhyNotApplying(ruleset, home, unit)];
            ImmutableArray<NetworkRule> rules = question.Direction == Direction.Incoming ? ruleset.IncomingRules : ruleset.OutgoingRules;
            for (int i = 0; i < rules.Length; i++)
            {
                var identity = new RuleIdentity(RuleKind.Ruleset, home, ruleset.Name, question.Direction, i + 1, rules[i].Name);
                (string? because, Lack? peer) = _peers.Compare(rules[i], home, owner, question.Peer);
                ImmutableArray<Lack> lacks =
                [
                    .. outside,
                    .. WrittenMatch.Ports(rules[i].ProtocolPorts, question.Table, question.Key) ? Array.Empty<Lack>() : [WrongPort(rules[i], question)],
                    .. peer is { } missing ? [missing] : Array.Empty<Lack>(),
                ];
                yield return new RuleTrace(rules[i], identity, lacks, because);
            }
        }
    }

    private IEnumerable<Lack> WhyNotApplying(NetworkRuleset ruleset, string home, WrittenUnit unit)
    {
        int found = 0;
        if (ruleset.Disabled)
        {
            found++;
            yield return new Lack(1, "its ruleset is disabled");
        }
        if (UnlistedTag(ruleset, home) is { } unlisted)
        {
            found++;
            yield return new Lack(1, $"its ruleset is inactive: tag {unlisted} begins with no tag prefix of namespace {home}");
        }
        if (!WrittenScope.Sees(unit.Name.Namespace, home, ruleset.Propagate))
        {
            found++;
            string reach = ruleset.Propagate ? "its ruleset applies to" : "its ruleset is not propagated and applies to";
            yield return new Lack(3, $"{reach} namespace {home}{(ruleset.Propagate ? " and those below" : "")}, and {unit.Name.Name} is in {unit.Name.Namespace}");
        }
        if (!WrittenMatch.Tags(ruleset.Subject, unit.Tags))
        {
            found++;
            string[] missing = PeerComparison.Missing(ruleset.Subject, unit.Tags);
            yield return new Lack(1 + missing.Length, $"its ruleset is not for {unit.Name.Name}: the subject asks for {string.Join(" and ", missing)}");
        }
        if (found == 0)
        {
            yield return new Lack(2, $"its ruleset is a fallback, and {unit.Name.Name} has rulesets that are none");
        }
    }

    /// <summary>The first tag that the ruleset may not use; null when it may use all. The same for every unit, so it is found once.</summary>
    private string? UnlistedTag(NetworkRuleset ruleset, string home)
    {
        if (!_unlistedTags.TryGetValue(ruleset, out string? unlisted))
        {
            unlisted = ruleset
                .IncomingRules.Concat(ruleset.OutgoingRules)
                .Select(rule => rule.Object)
                .Prepend(ruleset.Subject)
                .SelectMany(expression => expression.Clauses)
                .SelectMany(clause => clause)
                .FirstOrDefault(tag => !evaluator.Scope.MayUse(home, tag));
            _unlistedTags.Add(ruleset, unlisted);
        }
        return unlisted;
    }

    private static Lack WrongPort(NetworkRule rule, Question question)
    {
        bool isNear = rule.ProtocolPorts.Any(port => CompiledPolicyReader.TableOf(port.Protocol, isOnLink: question.Table == PortTable.Icmp6OnLink) == question.Table);
        string asked = Printing.PortSpanText.Of(question.Table, question.Key);
        return new Lack(isNear ? 2 : 4, $"it is for {string.Join(", ", rule.ProtocolPorts.Select(port => port.Text))}, not for {asked}");
    }
}
