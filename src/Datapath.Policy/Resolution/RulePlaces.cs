using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Resolution;

/// <summary>Where resolved rules stand in their files.</summary>
public sealed class RulePlaces
{
    private readonly Dictionary<SourceSpan, NetworkRuleset> _rulesets = [];
    private readonly Dictionary<RuleIdentity, SourceSpan> _rules = [];

    /// <summary>Relates rules to what was written.</summary>
    /// <param name="written">The objects of the files.</param>
    /// <param name="policy">What they mean.</param>
    public RulePlaces(WrittenPolicy written, ResolvedPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(written);
        ArgumentNullException.ThrowIfNull(policy);
        foreach (NetworkRuleset ruleset in written.Rulesets)
        {
            // An aliased ruleset stands in one place and says the same twice.
            _rulesets.TryAdd(ruleset.At, ruleset);
        }
        foreach (ResolvedRuleset ruleset in policy.Rulesets)
        {
            foreach (ResolvedRule rule in ruleset.Incoming.Concat(ruleset.Outgoing))
            {
                // Of two rulesets of one name the first is named everywhere.
                _rules.TryAdd(rule.Identity, Of(ruleset, rule.Identity));
            }
        }
    }

    /// <summary>Where a rule that decides begins; null for what nobody wrote.</summary>
    /// <param name="rule">Of this policy.</param>
    public SourceSpan? Of(RuleIdentity rule) => _rules.TryGetValue(rule, out SourceSpan at) ? at : null;

    /// <summary>Where a rule of a ruleset begins.</summary>
    /// <param name="ruleset">The ruleset, which is one of several when names are not unique.</param>
    /// <param name="rule">One of its rules.</param>
    public SourceSpan Of(ResolvedRuleset ruleset, RuleIdentity rule)
    {
        ArgumentNullException.ThrowIfNull(ruleset);
        ArgumentNullException.ThrowIfNull(rule);
        NetworkRuleset written = _rulesets[ruleset.At];
        ImmutableArray<NetworkRule> rules = rule.Direction == Direction.Incoming ? written.IncomingRules : written.OutgoingRules;
        return rules[rule.Position - 1].At;
    }
}
