using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Printing;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Lint;

/// <summary>Where resolved rules stand in their files, and what messages call them.</summary>
internal sealed class RulePlaces
{
    private readonly Dictionary<SourceSpan, NetworkRuleset> _rulesets = [];

    public RulePlaces(WrittenPolicy written)
    {
        foreach (NetworkRuleset ruleset in written.Rulesets)
        {
            // An aliased ruleset stands in one place and says the same twice.
            _rulesets.TryAdd(ruleset.At, ruleset);
        }
    }

    /// <summary>Where a rule begins.</summary>
    public SourceSpan Of(ResolvedRuleset ruleset, RuleIdentity rule)
    {
        NetworkRuleset written = _rulesets[ruleset.At];
        ImmutableArray<NetworkRule> rules = rule.Direction == Direction.Incoming ? written.IncomingRules : written.OutgoingRules;
        return rules[rule.Position - 1].At;
    }

    /// <summary>A rule of the ruleset whose place a diagnostic gives.</summary>
    public static string Name(RuleIdentity rule) =>
        $"{(rule.Direction == Direction.Incoming ? "incoming" : "outgoing")} rule {rule.Position}"
        + (rule.RuleName.Length == 0 ? "" : $" {Quoted.Value(rule.RuleName)}")
        + $" of ruleset {Quoted.Value(rule.Ruleset)}";

    /// <summary>Whatever decides, in a sentence.</summary>
    public static string Decider(RuleIdentity rule) => rule.Kind == RuleKind.Ruleset ? Name(rule) : $"the {PolicyText.Identity(rule)}";

    /// <summary>A few of many, in their order.</summary>
    public static string Few(IReadOnlyCollection<string> all)
    {
        const int Shown = 3;
        string shown = string.Join(", ", all.Take(Shown));
        return all.Count > Shown ? $"{shown} and {all.Count - Shown} more" : shown;
    }
}
