namespace Datapath.Policy.Compilation.Passes;

/// <summary>The rules that may decide, each once, with what a descriptor says of it.</summary>
internal sealed class RuleCatalog
{
    private readonly Dictionary<RuleKey, int> _numbers = [];
    private readonly List<CatalogRule> _rules = [];

    /// <summary>Rules numbered so far, those of earlier compilations included.</summary>
    public int Count => _rules.Count;

    public CatalogRule this[int number] => _rules[number];

    /// <summary>The number of a rule, the same as long as the catalog lives.</summary>
    public int Number(RuleIdentity identity, ulong content, Verdict verdict, DescriptorFlags flags)
    {
        var key = new RuleKey(identity, content);
        if (!_numbers.TryGetValue(key, out int number))
        {
            number = _rules.Count;
            _numbers.Add(key, number);
            _rules.Add(new CatalogRule(key, verdict, flags));
        }
        return number;
    }
}

/// <summary>A rule as descriptors know it.</summary>
/// <param name="Key">Who it is.</param>
/// <param name="Verdict">Its action.</param>
/// <param name="Flags">Its kind, and whether it is reported.</param>
internal readonly record struct CatalogRule(RuleKey Key, Verdict Verdict, DescriptorFlags Flags);

/// <summary>A rule ready for painting.</summary>
/// <param name="Rule">Its number in the catalog.</param>
/// <param name="Atom">The question that it asks about the peer; <see cref="Everybody"/> when none.</param>
/// <param name="Ports">Its port list.</param>
/// <param name="Rank">What else, besides the rule itself, decides which of two rules goes before the other.</param>
internal readonly record struct PreparedRule(int Rule, int Atom, int Ports, int Rank)
{
    /// <summary>The atom of a rule that holds for every peer.</summary>
    public const int Everybody = -1;
}
