using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Resolution;

namespace Datapath.Policy.Comparison;

/// <summary>One of two policies: its tables for every unit, and who the units are.</summary>
internal sealed class ComparedPolicy
{
    /// <summary>The row of a unit that the policy does not judge.</summary>
    public const int Absent = -1;

    /// <summary>The row of a unit's own addresses.</summary>
    public const int Local = -2;

    /// <summary>The number of no unit: it owns no address.</summary>
    public const int Nobody = 0;

    private readonly Dictionary<int, RuleIdentity> _rules;
    private readonly Descriptor _local;

    /// <summary>Takes a policy apart.</summary>
    /// <param name="policy">After <see cref="EveryUnit.Judged"/>.</param>
    /// <param name="compiled">The same policy, compiled from empty indexes.</param>
    public ComparedPolicy(ResolvedPolicy policy, CompiledPolicy compiled)
    {
        Compiled = compiled;
        _rules = compiled.Rules.ToDictionary(rule => rule.Index, rule => rule.Rule);
        _local = compiled.Descriptors[compiled.LocalDescriptor];
        var units = new Dictionary<UnitKey, LocalUnit>();
        var keys = ImmutableArray.CreateBuilder<UnitKey>();
        foreach ((ResolvedUnit unit, LocalUnit local) in policy.Units.Where(unit => unit.IsJudged).Zip(compiled.Units))
        {
            // The host is the host, whatever it is called in either policy.
            UnitKey key = unit.IsHost ? Host : new UnitKey(unit.Namespace, unit.Name, 0);
            while (!units.TryAdd(key, local))
            {
                key = key with { Occurrence = key.Occurrence + 1 };
            }
            keys.Add(key);
        }
        Units = units;
        Keys = keys.ToImmutable();
    }

    /// <summary>What the host is known by.</summary>
    public static UnitKey Host { get; } = new("", "", 0);

    /// <summary>The tables.</summary>
    public CompiledPolicy Compiled { get; }

    /// <summary>The judged units.</summary>
    public IReadOnlyDictionary<UnitKey, LocalUnit> Units { get; }

    /// <summary>Their keys, in the order of the policy.</summary>
    public ImmutableArray<UnitKey> Keys { get; }

    /// <summary>The row that decides about a peer, or one of the constants.</summary>
    /// <param name="unit">Who judges; null when nobody does.</param>
    /// <param name="direction">Who opens the connection.</param>
    /// <param name="peerClass">The peer's class.</param>
    /// <param name="owner">Number of the unit that has the peer's address, or 0.</param>
    public int Row(LocalUnit? unit, Direction direction, int peerClass, int owner)
    {
        if (unit is null)
        {
            return Absent;
        }
        if (unit.Number == owner)
        {
            return Local;
        }
        UnitPolicy policy = Compiled.Policies[unit.Policy];
        return (direction == Direction.Incoming ? policy.Incoming : policy.Outgoing)[peerClass];
    }

    /// <summary>The cells of a row; null for the constants, which say one thing of every port.</summary>
    public ImmutableArray<CellRun>? Runs(int row) => row < 0 ? null : Compiled.Rows[row].Runs;

    /// <summary>What a row says of a port class; rule 0 when nobody judges.</summary>
    public (Verdict Verdict, int Rule) Decide(int row, int portClass)
    {
        if (row == Absent)
        {
            return (Verdict.Allow, 0);
        }
        Descriptor decided = row == Local ? _local : Compiled.Descriptors[Compiled.Rows[row][portClass]];
        return (decided.Verdict, decided.RuleIndex);
    }

    /// <summary>The verdict of a cell.</summary>
    public Verdict VerdictOf(int cell) => Compiled.Descriptors[cell].Verdict;

    /// <summary>The rule of a number that <see cref="Decide"/> gave; null for 0.</summary>
    public RuleIdentity? Rule(int index) => _rules.GetValueOrDefault(index);

    /// <summary>The name of a unit.</summary>
    public UnitName? Name(UnitKey key) => Units.TryGetValue(key, out LocalUnit? unit) ? new UnitName(unit.Namespace, unit.Name) : null;
}
