using System.Collections.Frozen;
using Datapath.Policy.Compilation;

namespace Datapath.Agent.Loops;

/// <summary>What the numbers in events stand for.</summary>
/// <remarks>Made of every number that was ever given away and not taken back, so that late events of an older policy have names too.</remarks>
internal sealed class PolicyNames
{
    private readonly FrozenDictionary<int, RuleIdentity> _rules;
    private readonly FrozenDictionary<int, string> _units;

    private PolicyNames(IEnumerable<KeyValuePair<int, RuleIdentity>> rules, IEnumerable<KeyValuePair<int, string>> units)
    {
        _rules = rules.ToFrozenDictionary();
        _units = units.ToFrozenDictionary();
    }

    /// <summary>Before any policy.</summary>
    public static PolicyNames None { get; } = new([], []);

    /// <summary>The names behind the numbers.</summary>
    /// <param name="indexes">The numbers given away so far.</param>
    /// <param name="policy">The policy that is enforced with them, which alone knows the name of the host; null when there is none yet.</param>
    public static PolicyNames Of(RuleIndexes indexes, CompiledPolicy? policy)
    {
        Dictionary<int, string> units = indexes.Units.ToDictionary(unit => unit.Number, unit => unit.Unit.Name);
        foreach (LocalUnit unit in policy?.Units ?? [])
        {
            units[unit.Number] = unit.Name;
        }

        return new PolicyNames(indexes.Rules.Select(rule => KeyValuePair.Create(rule.Index, rule.Rule.Rule)), units);
    }

    /// <summary>The rule of an index, or null when the index is not known.</summary>
    /// <param name="ruleIndex">As the event carries it.</param>
    public RuleIdentity? Rule(int ruleIndex) => _rules.GetValueOrDefault(ruleIndex);

    /// <summary>The name of a unit, or null when the number is not known.</summary>
    /// <param name="number">As the event carries it.</param>
    public string? Unit(int number) => _units.GetValueOrDefault(number);
}
