using System.Collections.Immutable;

namespace Datapath.Policy.Compilation;

/// <summary>
/// The numbers by which kernel state knows rules and units. A number keeps its meaning from one compilation to the next, and a retired
/// one is not given away before the agent says that no generation, flow entry or unread event carries it any more.
/// </summary>
/// <remarks>A value: allocation returns another one. <see cref="RuleIndexText"/> writes it down and reads it back.</remarks>
public sealed class RuleIndexes
{
    private readonly Dictionary<RuleKey, int> _rules;
    private readonly Dictionary<UnitKey, int> _units;
    private readonly HashSet<int> _retiredRules;
    private readonly HashSet<int> _retiredUnits;

    internal RuleIndexes(
        Dictionary<RuleKey, int> rules,
        HashSet<int> retiredRules,
        Dictionary<UnitKey, int> units,
        HashSet<int> retiredUnits
    )
    {
        _rules = rules;
        _retiredRules = retiredRules;
        _units = units;
        _retiredUnits = retiredUnits;
    }

    /// <summary>No number given away yet.</summary>
    public static RuleIndexes Empty { get; } = new([], [], [], []);

    /// <summary>Every number of a rule, by ascending number; retired ones too.</summary>
    public ImmutableArray<(int Index, RuleKey Rule, bool IsRetired)> Rules =>
        [.. _rules.Select(one => (one.Value, one.Key, _retiredRules.Contains(one.Value))).OrderBy(one => one.Value)];

    /// <summary>Every number of a unit, by ascending number; retired ones too.</summary>
    public ImmutableArray<(int Number, UnitKey Unit, bool IsRetired)> Units =>
        [.. _units.Select(one => (one.Value, one.Key, _retiredUnits.Contains(one.Value))).OrderBy(one => one.Value)];

    /// <summary>Numbers of the rules that no policy uses any more and that are not given away yet, ascending.</summary>
    public ImmutableArray<int> RetiredRules => [.. _retiredRules.Order()];

    /// <summary>Numbers of the units that no policy has any more and that are not given away yet, ascending.</summary>
    public ImmutableArray<int> RetiredUnits => [.. _retiredUnits.Order()];

    /// <summary>The indexes after numbering these rules; the numbered rules that are not among them are retired.</summary>
    /// <param name="used">The rules of the new policy, none twice. New ones get the lowest free numbers in this order.</param>
    /// <param name="numbers">Receives the number of each, in the same order.</param>
    public RuleIndexes AllocateRules(IReadOnlyList<RuleKey> used, out int[] numbers)
    {
        numbers = new int[used.Count];
        return AllocateRules(used, numbers);
    }

    /// <summary>The same where some numbers are known: quicker.</summary>
    /// <param name="used">The rules of the new policy.</param>
    /// <param name="numbers">The number of each as these indexes have it, or 0; receives them all.</param>
    internal RuleIndexes AllocateRules(IReadOnlyList<RuleKey> used, int[] numbers)
    {
        var allocation = new NumberAllocation<RuleKey>(_rules, _retiredRules, lowest: 1);
        allocation.Allocate(used, numbers);
        return allocation.IsChanged ? new RuleIndexes(allocation.Numbers, allocation.Retired, _units, _retiredUnits) : this;
    }

    /// <summary>The indexes after numbering these units; the numbered units that are not among them are retired.</summary>
    /// <param name="used">The units other than the host, none twice. New ones get the lowest free numbers in this order.</param>
    /// <param name="numbers">Receives the number of each, in the same order; none is <see cref="LocalUnit.HostNumber"/>.</param>
    public RuleIndexes AllocateUnits(IReadOnlyList<UnitKey> used, out int[] numbers)
    {
        var allocation = new NumberAllocation<UnitKey>(_units, _retiredUnits, lowest: LocalUnit.HostNumber + 1);
        numbers = new int[used.Count];
        allocation.Allocate(used, numbers);
        return allocation.IsChanged ? new RuleIndexes(_rules, _retiredRules, allocation.Numbers, allocation.Retired) : this;
    }

    /// <summary>Whether both give every rule the same number, as far as that is known without comparing.</summary>
    /// <param name="other">The others.</param>
    internal bool NumbersRulesLike(RuleIndexes other) => ReferenceEquals(_rules, other._rules);

    /// <summary>The indexes without the retired numbers given here; they may be given away again. Numbers in use stay.</summary>
    /// <param name="rules">Rule numbers that nothing in the kernel carries any more, counters zeroed.</param>
    /// <param name="units">Unit numbers that nothing in the kernel carries any more.</param>
    public RuleIndexes Release(IEnumerable<int> rules, IEnumerable<int> units)
    {
        HashSet<int> freedRules = [.. rules.Where(_retiredRules.Contains)];
        HashSet<int> freedUnits = [.. units.Where(_retiredUnits.Contains)];
        return new RuleIndexes(
            _rules.Where(one => !freedRules.Contains(one.Value)).ToDictionary(),
            [.. _retiredRules.Except(freedRules)],
            _units.Where(one => !freedUnits.Contains(one.Value)).ToDictionary(),
            [.. _retiredUnits.Except(freedUnits)]
        );
    }
}

/// <summary>What makes a rule the same rule to its counters.</summary>
/// <param name="Rule">Who wrote it and where it stands.</param>
/// <param name="Content">A hash of what it says; 0 for what nobody wrote.</param>
public readonly record struct RuleKey(RuleIdentity Rule, ulong Content)
{
    /// <summary>Whether the other is the same rule; the content first, in which most differ.</summary>
    /// <param name="other">The other rule.</param>
    public bool Equals(RuleKey other) => Content == other.Content && (ReferenceEquals(Rule, other.Rule) || Rule.Equals(other.Rule));

    /// <summary>A hash over what tells rules apart most; tens of thousands of rules are looked up in every compilation.</summary>
    public override int GetHashCode() => HashCode.Combine(Content, Rule.Ruleset, Rule.Position, Rule.Direction);
}

/// <summary>What makes a unit the same unit.</summary>
/// <param name="Namespace">Absolute path of its namespace.</param>
/// <param name="Name">Its name.</param>
/// <param name="Occurrence">Names are not unique: 0 for the first unit of this name, 1 for the second, in written order.</param>
public readonly record struct UnitKey(string Namespace, string Name, int Occurrence);
