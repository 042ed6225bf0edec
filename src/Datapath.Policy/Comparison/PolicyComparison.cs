using System.Collections.Immutable;
using System.Text;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Resolution;

namespace Datapath.Policy.Comparison;

/// <summary>Compares what two policies do, not how they are written: on the product of both their class partitions, so nothing is sampled.</summary>
public static class PolicyComparison
{
    /// <summary>Finds every connection of every unit whose verdict differs.</summary>
    /// <param name="before">A policy without errors.</param>
    /// <param name="after">Another.</param>
    /// <remarks>
    /// Units are the same when their namespace and name are; the host is always the host. A unit that only one policy has, or that its
    /// profile ignores, is judged by nobody in the other, which lets everything pass.
    /// </remarks>
    public static PolicyDifference Compare(ResolvedPolicy before, ResolvedPolicy after)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        ResolvedPolicy allBefore = EveryUnit.Judged(before);
        ResolvedPolicy allAfter = EveryUnit.Judged(after);
        PolicyCompilation old = PolicyCompiler.Compile(allBefore, RuleIndexes.Empty);
        PolicyCompilation young = PolicyCompiler.Compile(allAfter, RuleIndexes.Empty);
        if (old.Policy is null || young.Policy is null)
        {
            return new PolicyDifference([], [.. old.Diagnostics, .. young.Diagnostics]);
        }
        var oldSide = new ComparedPolicy(allBefore, old.Policy);
        var youngSide = new ComparedPolicy(allAfter, young.Policy);
        var comparison = new UnitComparison(oldSide, youngSide, new ClassProduct(old.Policy, young.Policy));
        var units = new OrderedDictionary<string, (List<ComparedUnit> Units, ImmutableArray<VerdictChange> Changes)>();
        foreach (UnitKey key in oldSide.Keys.Concat(youngSide.Keys).Distinct())
        {
            ImmutableArray<VerdictChange> changes = comparison.Changes(key);
            if (changes.IsEmpty)
            {
                continue;
            }
            string text = Text(changes);
            if (!units.TryGetValue(text, out (List<ComparedUnit> Units, ImmutableArray<VerdictChange>) alike))
            {
                units.Add(text, alike = ([], changes));
            }
            alike.Units.Add(new ComparedUnit(youngSide.Name(key) ?? oldSide.Name(key)!, key == ComparedPolicy.Host));
        }
        return new PolicyDifference([.. units.Select(one => new UnitDifference([.. one.Value.Units], one.Value.Changes))], []);
    }

    /// <summary>A text that equal changes share and others do not.</summary>
    private static string Text(ImmutableArray<VerdictChange> changes)
    {
        var text = new StringBuilder();
        foreach (VerdictChange change in changes)
        {
            text.Append($"{change.Direction}{change.Before}{change.DecidedBefore}{change.DecidedAfter}\n");
            foreach (FlowSet set in change.Flows)
            {
                foreach (AddressSpan span in set.Peers)
                {
                    text.Append($"{span.IsIPv6}{span.First}-{span.Last} ");
                }
                text.AppendJoin(' ', set.Ports).Append('\n');
            }
        }
        return text.ToString();
    }
}
