using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>The distinct rows and descriptors of one compilation, numbered in the order in which they come.</summary>
internal sealed class RowTable(RowMemory memory)
{
    /// <summary>Runs of all distinct rows together, 512 MB of them: more than any kernel map of ours is given.</summary>
    public const int MaxRuns = 1 << 26;

    private readonly Dictionary<RowContent, int> _numberOfContent = new(memory.LastRowCount);
    private readonly List<bool> _portsMatter = [];
    private readonly List<RulePair> _descriptors = [];
    private readonly List<MatrixRow> _rows = [];
    private int[] _numbers = [];
    private int[] _descriptorOfPair = new int[memory.PairCount];

    /// <summary>The distinct rows; a cell is an index into <see cref="Descriptors"/>.</summary>
    public IReadOnlyList<MatrixRow> Rows => _rows;

    /// <summary>The rules of each descriptor.</summary>
    public IReadOnlyList<RulePair> Descriptors => _descriptors;

    /// <summary>Runs of all rows together.</summary>
    public long RunCount { get; private set; }

    /// <summary>Whether that is more than there may be; no row is added then.</summary>
    public bool IsFull => RunCount > MaxRuns;

    /// <summary>Whether ports decide between verdicts in one of these rows.</summary>
    public bool PortsMatter(ImmutableArray<int> rows) => rows.Any(row => _portsMatter[row]);

    /// <summary>The number of a row.</summary>
    public int Number(PaintedRow painted)
    {
        if (!painted.TryNumber(this, out int number))
        {
            number = Place(painted);
            painted.Number(this, number);
        }
        return number;
    }

    /// <summary>The number of a descriptor.</summary>
    /// <param name="pair">Number of its pair of rules.</param>
    public int Descriptor(int pair)
    {
        if (pair >= _descriptorOfPair.Length)
        {
            Array.Resize(ref _descriptorOfPair, 2 * (pair + 1));
        }
        // Counted from 1, so that 0 is a pair not met yet.
        if (_descriptorOfPair[pair] == 0)
        {
            _descriptors.Add(memory.Pair(pair));
            _descriptorOfPair[pair] = _descriptors.Count;
        }
        return _descriptorOfPair[pair] - 1;
    }

    private int Place(PaintedRow painted)
    {
        ReadOnlySpan<int> palette = painted.Palette;
        if (_numbers.Length < palette.Length)
        {
            _numbers = new int[palette.Length];
        }
        for (int i = 0; i < palette.Length; i++)
        {
            _numbers[i] = Descriptor(palette[i]);
        }
        RowContent content = painted.Translate(_numbers.AsSpan(0, palette.Length));
        ref int number = ref CollectionsMarshal.GetValueRefOrAddDefault(_numberOfContent, content, out bool isKnown);
        if (!isKnown)
        {
            number = _rows.Count;
            _rows.Add(content.Row);
            RunCount += content.Row.Runs.Length;
            _portsMatter.Add(painted.PortsMatter);
        }
        return number;
    }
}
