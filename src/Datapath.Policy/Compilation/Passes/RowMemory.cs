using System.Runtime.InteropServices;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>Rows painted for one division of the ports, by the rules that meet in them.</summary>
internal sealed class RowMemory
{
    private readonly SequenceTable _ruleLists = new();
    private readonly SequenceTable _meetings = new();
    private readonly List<PaintedRow> _rows = [];
    private readonly Dictionary<RulePair, int> _pairs = [];
    private readonly List<RulePair> _pairsByNumber = [];

    /// <summary>Rows painted so far.</summary>
    public int Count => _rows.Count;

    /// <summary>Distinct rows of the last compilation: about as many as the next will have.</summary>
    public int LastRowCount { get; set; }

    /// <summary>Pairs of rules so far.</summary>
    public int PairCount => _pairsByNumber.Count;

    /// <summary>The rules of a pair.</summary>
    public RulePair Pair(int number) => _pairsByNumber[number];

    /// <summary>The number of a pair of rules.</summary>
    public int Number(RulePair pair)
    {
        ref int number = ref CollectionsMarshal.GetValueRefOrAddDefault(_pairs, pair, out bool isKnown);
        if (!isKnown)
        {
            number = _pairsByNumber.Count;
            _pairsByNumber.Add(pair);
        }
        return number;
    }

    /// <summary>The number of a list of rules that hold for the same peers.</summary>
    public int RuleList(ReadOnlySpan<int> rules) => _ruleLists.Intern(rules);

    /// <summary>The row in which rule lists meet.</summary>
    /// <param name="lists">Numbers of the rule lists.</param>
    /// <param name="row">The row when it is painted already.</param>
    public bool TryRow(ReadOnlySpan<int> lists, out PaintedRow row)
    {
        int number = _meetings.Intern(lists, out bool isNew);
        row = isNew ? PaintedRow.Blank : _rows[number];
        return !isNew;
    }

    /// <summary>Keeps the row that <see cref="TryRow"/> did not have.</summary>
    public void Add(PaintedRow row) => _rows.Add(row);
}

/// <summary>The rule that decides a cell and the one that observes it.</summary>
/// <param name="Rule">The deciding rule's number in the catalog.</param>
/// <param name="Observed">The observing rule's, or -1.</param>
internal readonly record struct RulePair(int Rule, int Observed);

/// <summary>A row in terms of its own few pairs of rules, whose descriptors have other numbers in every compilation.</summary>
/// <param name="palette">Numbers of the pairs in it, in the order of first use.</param>
/// <param name="cells">For each port class an index into <paramref name="palette"/>.</param>
/// <param name="portsMatter">Whether ports decide between verdicts in it.</param>
internal sealed class PaintedRow(int[] palette, ushort[] cells, bool portsMatter)
{
    private int[] _descriptors = [];
    private RowContent _translated;
    private object? _numberedIn;
    private int _number;

    /// <summary>A row without cells.</summary>
    public static PaintedRow Blank { get; } = new([], [], portsMatter: false);

    /// <summary>Numbers of the pairs in it, in the order of first use.</summary>
    public ReadOnlySpan<int> Palette => palette;

    /// <summary>Whether ports decide between verdicts in it.</summary>
    public bool PortsMatter => portsMatter;

    /// <summary>The number that a table has given it; false when that table has not met it yet.</summary>
    /// <param name="table">Who asks. Only the last table's number is kept.</param>
    /// <param name="number">The number.</param>
    public bool TryNumber(object table, out int number)
    {
        number = _number;
        return ReferenceEquals(_numberedIn, table);
    }

    /// <summary>Keeps the number that a table gives it, on the row itself: a dictionary of all rows took longer than finding them.</summary>
    public void Number(object table, int number)
    {
        _numberedIn = table;
        _number = number;
    }

    /// <summary>The row with the descriptor numbers of a compilation; the last one is kept.</summary>
    /// <param name="descriptors">For each entry of the palette its number.</param>
    public RowContent Translate(ReadOnlySpan<int> descriptors)
    {
        if (!descriptors.SequenceEqual(_descriptors))
        {
            var translated = new ushort[cells.Length];
            for (int i = 0; i < translated.Length; i++)
            {
                translated[i] = (ushort)descriptors[cells[i]];
            }
            _descriptors = descriptors.ToArray();
            _translated = new RowContent(ImmutableCollectionsMarshal.AsImmutableArray(translated));
        }
        return _translated;
    }
}
