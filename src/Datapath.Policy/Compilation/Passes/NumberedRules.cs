namespace Datapath.Policy.Compilation.Passes;

/// <summary>The numbers that rules of the catalog have been given, so that the next compilation need not look up tens of thousands by name.</summary>
internal sealed class NumberedRules
{
    private RuleIndexes? _indexes;
    private int[] _numbers = [];

    /// <summary>For rules of the catalog the number that they have in these indexes; 0 where it is not known.</summary>
    /// <param name="rules">Numbers in the catalog.</param>
    /// <param name="indexes">Others than those of the last compilation: then nothing is known.</param>
    public int[] Known(List<int> rules, RuleIndexes indexes)
    {
        var known = new int[rules.Count];
        if (_indexes is null || !_indexes.NumbersRulesLike(indexes))
        {
            return known;
        }
        for (int i = 0; i < known.Length; i++)
        {
            known[i] = rules[i] < _numbers.Length ? _numbers[rules[i]] : 0;
        }
        return known;
    }

    /// <summary>Keeps what a compilation gave.</summary>
    /// <param name="rules">Numbers in the catalog.</param>
    /// <param name="numbers">The number of each.</param>
    /// <param name="before">The indexes that it began with.</param>
    /// <param name="after">The indexes that it ended with, in which none of before has another number.</param>
    /// <param name="catalogCount">Rules in the catalog.</param>
    public void Keep(List<int> rules, int[] numbers, RuleIndexes before, RuleIndexes after, int catalogCount)
    {
        if (_indexes is null || !_indexes.NumbersRulesLike(before))
        {
            _numbers = [];
        }
        _indexes = after;
        if (_numbers.Length < catalogCount)
        {
            Array.Resize(ref _numbers, catalogCount + (catalogCount / 8));
        }
        for (int i = 0; i < numbers.Length; i++)
        {
            _numbers[rules[i]] = numbers[i];
        }
    }
}
