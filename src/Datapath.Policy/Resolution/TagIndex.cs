using System.Collections.Immutable;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Resolution;

/// <summary>Finds the objects that a tag expression selects, without looking at each of them.</summary>
internal sealed class TagIndex
{
    private readonly Dictionary<string, List<int>> _holders = [];
    private readonly string[] _sorted;

    /// <summary>Indexes objects by number.</summary>
    /// <param name="tags">The tags of each object, none twice.</param>
    public TagIndex(IEnumerable<ImmutableArray<string>> tags)
    {
        int number = 0;
        foreach (ImmutableArray<string> own in tags)
        {
            foreach (string tag in own)
            {
                if (!_holders.TryGetValue(tag, out List<int>? holders))
                {
                    _holders.Add(tag, holders = []);
                }
                holders.Add(number);
            }
            number++;
        }
        _sorted = [.. _holders.Keys];
        Array.Sort(_sorted, StringComparer.Ordinal);
    }

    /// <summary>The numbers of the objects that match, ascending.</summary>
    public ImmutableArray<int> Match(TagExpression expression)
    {
        if (expression.Clauses.Length == 1)
        {
            return [.. MatchAll(expression.Clauses[0])];
        }
        var union = new SortedSet<int>();
        foreach (ImmutableArray<string> clause in expression.Clauses)
        {
            union.UnionWith(MatchAll(clause));
        }
        return [.. union];
    }

    private List<int> MatchAll(ImmutableArray<string> clause)
    {
        List<int>? rest = null;
        foreach (string selector in clause)
        {
            List<int> holders = Holders(selector);
            rest = rest is null ? holders : Intersection(rest, holders);
            if (rest.Count == 0)
            {
                break;
            }
        }
        return rest ?? [];
    }

    /// <summary>A selector that ends in <c>*</c> matches by prefix (specification b.1); a tag always holds its key, so the key must agree.</summary>
    private List<int> Holders(string selector)
    {
        if (!selector.EndsWith('*'))
        {
            return _holders.GetValueOrDefault(selector) ?? [];
        }
        ReadOnlySpan<char> prefix = selector.AsSpan(0, selector.Length - 1);
        int at = Array.BinarySearch(_sorted, prefix.ToString(), StringComparer.Ordinal);
        var union = new SortedSet<int>();
        for (int i = at < 0 ? ~at : at; i < _sorted.Length && _sorted[i].AsSpan().StartsWith(prefix, StringComparison.Ordinal); i++)
        {
            union.UnionWith(_holders[_sorted[i]]);
        }
        return [.. union];
    }

    private static List<int> Intersection(List<int> left, List<int> right)
    {
        var both = new List<int>(Math.Min(left.Count, right.Count));
        int i = 0;
        int j = 0;
        while (i < left.Count && j < right.Count)
        {
            int order = left[i].CompareTo(right[j]);
            if (order == 0)
            {
                both.Add(left[i]);
            }
            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }
        return both;
    }
}
