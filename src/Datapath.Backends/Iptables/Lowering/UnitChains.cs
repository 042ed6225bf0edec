using System.Collections.Immutable;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Iptables.Lowering;

/// <summary>From a judge to rows: the set turns the peer's address into a mark, a tree over its bits finds the row.</summary>
/// <param name="policy">The policy.</param>
/// <param name="classes">The classes of addresses as marks number them.</param>
/// <param name="present">Which of them have addresses in this family; at least one.</param>
/// <param name="layout">Their bits.</param>
/// <param name="rows">Where the tree leads.</param>
/// <param name="answerRows">Where that of answers leads.</param>
/// <param name="leaves">Where decisions end.</param>
/// <param name="book">Where chains are kept.</param>
internal sealed class UnitChains(
    CompiledPolicy policy,
    AddressClasses classes,
    HashSet<int> present,
    MarkLayout layout,
    RowChains rows,
    RowChains answerRows,
    LeafChains leaves,
    ChainBook book
)
{
    // Four ways at each step are the fewest rules: two and a half for two bits, where eight ways have four and a half for three.
    private const int FewestBitsPerStep = 2;

    // Beyond that there are more ways instead of more steps: see ChainBook.
    private const int MostSteps = 4;

    /// <summary>The chain of what a unit sends to itself.</summary>
    public int Own => leaves.Of(policy.LocalDescriptor);

    /// <summary>The chain by which a unit judges packets of one direction.</summary>
    /// <param name="unit">Who judges.</param>
    /// <param name="direction">Of the packets, seen from the unit.</param>
    public int Of(LocalUnit unit, Direction direction)
    {
        UnitPolicy matrix = policy.Policies[unit.Policy];
        (ImmutableArray<int> rowOf, ImmutableArray<int> openerRowOf) = direction == Direction.Incoming ? (matrix.Incoming, matrix.Outgoing) : (matrix.Outgoing, matrix.Incoming);
        // What comes in with the unit's own address only claims to be the unit's own.
        int[] chains = ByClass(member => direction == Direction.Outgoing && member.Unit == unit.Number ? Own : rows.Of(rowOf[member.Class]));
        int[] openers = ByClass(member => answerRows.Of(openerRowOf[member.Class]));
        bool isHost = unit.Number == LocalUnit.HostNumber;
        ImmutableArray<ChainRule> dispatch = IsOne(chains) ? [] : [Classify(direction)];
        // A packet that answers is looked at once more, now for the rule that let its opener speak.
        ImmutableArray<ChainRule> again = !dispatch.IsEmpty || IsOne(openers) ? [] : layout.Begin(isHost, [Classify(direction)]);
        int answers = book.Add([.. again, ChainRule.Goto(Tree(openers))]);
        return book.Add([.. layout.Begin(isHost, dispatch), ChainRule.Jump(Tree(chains)), ChainRule.Jump(answers, layout.MatchAnswer())]);
    }

    // No packet of this family has the mark of a class without addresses in it: whatever stands there makes no chain and no branch of the tree.
    private int[] ByClass(Func<AddressClasses.Member, int> chainOf)
    {
        int any = chainOf(classes.Members[present.Min()]);
        return [.. classes.Members.Select((member, number) => present.Contains(number) ? chainOf(member) : any)];
    }

    private static bool IsOne(int[] chains) => Array.TrueForAll(chains, chain => chain == chains[0]);

    private int BitsPerStep => Math.Max(FewestBitsPerStep, (layout.ClassBits + MostSteps - 1) / MostSteps);

    private int Tree(int[] chains) => Tree(chains, 0, (layout.ClassBits + BitsPerStep - 1) / BitsPerStep);

    private static ChainRule Classify(Direction direction) =>
        new("", $"-j SET --map-set {ChainRule.SetMark} {(direction == Direction.Incoming ? "src" : "dst")} --map-mark");

    // The chain for the numbers from first on whose upper bits are known; steps tells how many are still to be looked at.
    private int Tree(int[] chains, int first, int steps)
    {
        if (steps == 0)
        {
            return chains[first];
        }

        int shift = (steps - 1) * BitsPerStep;
        var children = new List<(int First, int Chain)>();
        for (int child = first; child < chains.Length && child < first + (1 << (shift + BitsPerStep)); child += 1 << shift)
        {
            children.Add((child, Tree(chains, child, steps - 1)));
        }

        int rest = children.GroupBy(child => child.Chain).MaxBy(group => group.Count())!.Key;
        int bits = ((1 << BitsPerStep) - 1) << shift & ((1 << layout.ClassBits) - 1);
        return book.Add(
            [
                .. children.Where(child => child.Chain != rest).Select(child => ChainRule.Goto(child.Chain, layout.Match(child.First & bits, bits))),
                ChainRule.Goto(rest),
            ]
        );
    }
}
