using System.Collections.Immutable;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>Gives the rules that decide somewhere their lasting numbers, and writes the descriptors with them.</summary>
internal static class DescriptorTable
{
    public static RuleIndexes Build(
        RowTable rows,
        RuleCatalog catalog,
        RuleIndexes indexes,
        out ImmutableArray<Descriptor> descriptors,
        out ImmutableArray<IndexedRule> rules
    )
    {
        var places = new Dictionary<int, int>();
        var used = new List<RuleKey>();
        foreach ((int rule, int observed) in rows.Descriptors)
        {
            Use(rule);
            if (observed >= 0)
            {
                Use(observed);
            }
        }
        RuleIndexes after = indexes.AllocateRules(used, out int[] numbers);
        descriptors =
        [
            .. rows.Descriptors.Select(one => new Descriptor(
                catalog[one.Rule].Verdict,
                catalog[one.Rule].Flags,
                numbers[places[one.Rule]],
                one.Observed < 0 ? 0 : numbers[places[one.Observed]],
                one.Observed < 0 ? Verdict.Reject : catalog[one.Observed].Verdict
            )),
        ];
        rules = [.. used.Select((key, i) => new IndexedRule(numbers[i], key.Rule)).OrderBy(rule => rule.Index)];
        return after;

        void Use(int rule)
        {
            if (places.TryAdd(rule, used.Count))
            {
                used.Add(catalog[rule].Key);
            }
        }
    }
}
