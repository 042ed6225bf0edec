using System.Runtime.InteropServices;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>Rows painted for one division of the ports, by the rules that meet in them.</summary>
internal sealed class RowMemory
{
    // 32 MB of references.
    private const int MostKept = 1 << 22;

    private readonly SequenceTable _ruleLists = new();
    private readonly SequenceTable _meetings = new();
    private readonly List<PaintedRow> _rows = [];
    private readonly Dictionary<RulePair, int> _pairs = [];
    private readonly List<RulePair> _pairsByNumber = [];

    private int _kept;
    private Dictionary<int, (object Division, PaintedRow[] Rows)> _matrices = [];
    private Dictionary<int, (object Division, PaintedRow[] Rows)> _nextMatrices = [];

    /// <summary>Rows painted so far.</summary>
    public int Count => _rows.Count;

    /// <summary>Distinct rows of the last compilation: about as many as the next will have.</summary>
    public int LastRowCount { get; private set; }

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

    /// <summary>For each peer class its row, where these rules met these classes in the last compilation; null where not.</summary>
    /// <param name="lists">Number of the list of rule lists by atom.</param>
    /// <param name="division">The classes.</param>
    public PaintedRow[]? Matrix(int lists, object division) =>
        _matrices.TryGetValue(lists, out var kept) && ReferenceEquals(kept.Division, division) ? kept.Rows : null;

    /// <summary>Keeps the rows of all peer classes for the next compilation, unless there is too much of it.</summary>
    public void Keep(int lists, object division, PaintedRow[] rows)
    {
        if (_kept + rows.Length <= MostKept)
        {
            _kept += rows.Length;
            _nextMatrices[lists] = (division, rows);
        }
    }

    /// <summary>Takes note that a compilation is over.</summary>
    /// <param name="rows">Its distinct rows.</param>
    public void Finish(int rows)
    {
        LastRowCount = rows;
        _kept = 0;
        (_matrices, _nextMatrices) = (_nextMatrices, []);
    }

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
