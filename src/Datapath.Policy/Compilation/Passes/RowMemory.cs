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
