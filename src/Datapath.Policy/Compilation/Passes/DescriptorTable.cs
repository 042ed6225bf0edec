using System.Collections.Immutable;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>Gives the rules that decide somewhere their lasting numbers, and writes the descriptors with them.</summary>
internal static class DescriptorTable
{
    public static RuleIndexes Build(
        RowTable rows,
        RuleCatalog catalog,
        NumberedRules numbered,
        RuleIndexes indexes,
        out ImmutableArray<Descriptor> descriptors,
        out ImmutableArray<IndexedRule> rules
    )
    {
        var places = new int[catalog.Count];
        var used = new List<int>();
        foreach (RulePair pair in rows.Descriptors)
        {
            Use(pair.Rule);
            if (pair.Observed >= 0)
            {
                Use(pair.Observed);
            }
        }
        int[] numbers = numbered.Known(used, indexes);
        RuleIndexes after = indexes.AllocateRules([.. used.Select(rule => catalog[rule].Key)], numbers);
        numbered.Keep(used, numbers, indexes, after, catalog.Count);
        var written = ImmutableArray.CreateBuilder<Descriptor>(rows.Descriptors.Count);
        foreach (RulePair pair in rows.Descriptors)
        {
            CatalogRule rule = catalog[pair.Rule];
            bool isObserved = pair.Observed >= 0;
            int observedIndex = isObserved ? numbers[places[pair.Observed] - 1] : 0;
            Verdict observedVerdict = isObserved ? catalog[pair.Observed].Verdict : Verdict.Reject;
            written.Add(new Descriptor(rule.Verdict, rule.Flags, numbers[places[pair.Rule] - 1], observedIndex, observedVerdict));
        }
        descriptors = written.MoveToImmutable();
        rules = ByIndex(used, numbers, catalog);
        return after;

        // A place is counted from 1, so that 0 is a rule not used yet.
        void Use(int rule)
        {
            if (places[rule] == 0)
            {
                used.Add(rule);
                places[rule] = used.Count;
            }
        }
    }

    /// <summary>The rules in the order of their indexes, which are nearly without gaps: cheaper to lay out than to sort.</summary>
    private static ImmutableArray<IndexedRule> ByIndex(List<int> used, int[] numbers, RuleCatalog catalog)
    {
        var places = new IndexedRule?[numbers.Length == 0 ? 0 : numbers.Max() + 1];
        for (int i = 0; i < numbers.Length; i++)
        {
            places[numbers[i]] = new IndexedRule(numbers[i], catalog[used[i]].Key.Rule);
        }
        return [.. places.OfType<IndexedRule>()];
    }
}
