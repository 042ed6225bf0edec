using System.Collections.Frozen;
using Datapath.Policy.Compilation;

namespace Datapath.Agent.Loops;

/// <summary>What the numbers in the events of one policy stand for.</summary>
internal sealed class PolicyNames
{
    private readonly FrozenDictionary<int, RuleIdentity> _rules;
    private readonly FrozenDictionary<int, string> _units;
    private readonly PolicyNames? _before;

    private PolicyNames(FrozenDictionary<int, RuleIdentity> rules, FrozenDictionary<int, string> units, PolicyNames? before)
    {
        _rules = rules;
        _units = units;
        _before = before;
    }

    /// <summary>Before any policy.</summary>
    public static PolicyNames None { get; } =
        new(FrozenDictionary<int, RuleIdentity>.Empty, FrozenDictionary<int, string>.Empty, before: null);

    /// <summary>The rule of an index, or null when neither this policy nor the one before it knows the index.</summary>
    /// <param name="ruleIndex">As the event carries it.</param>
    public RuleIdentity? Rule(int ruleIndex) => _rules.GetValueOrDefault(ruleIndex) ?? _before?.Rule(ruleIndex);

    /// <summary>The name of a unit, or null when neither this policy nor the one before it knows the number.</summary>
    /// <param name="number">As the event carries it.</param>
    public string? Unit(int number) => _units.GetValueOrDefault(number) ?? _before?.Unit(number);

    /// <summary>The names once a policy is enforced. Events of the policy before it are still under way, older ones are not.</summary>
    /// <param name="policy">The new policy.</param>
    public PolicyNames Then(CompiledPolicy policy) =>
        new(
            policy.Rules.ToFrozenDictionary(rule => rule.Index, rule => rule.Rule),
            policy.Units.ToFrozenDictionary(unit => unit.Number, unit => unit.Name),
            new PolicyNames(_rules, _units, before: null)
        );
}
