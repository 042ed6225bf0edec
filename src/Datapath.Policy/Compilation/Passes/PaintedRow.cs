using System.Runtime.InteropServices;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>A row in terms of its own few pairs of rules, whose descriptors have other numbers in every compilation.</summary>
/// <param name="palette">Numbers of the pairs in it, in the order of first use.</param>
/// <param name="runs">The row; neighbours differ.</param>
/// <param name="portsMatter">Whether ports decide between verdicts in it.</param>
internal sealed class PaintedRow(int[] palette, PaintedRun[] runs, bool portsMatter)
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
            // Different places are different pairs and so different descriptors: neighbours differ still.
            var translated = new CellRun[runs.Length];
            for (int i = 0; i < translated.Length; i++)
            {
                translated[i] = new CellRun(runs[i].First, descriptors[runs[i].Place]);
            }
            _descriptors = descriptors.ToArray();
            _translated = new RowContent(new MatrixRow(ImmutableCollectionsMarshal.AsImmutableArray(translated)));
        }
        return _translated;
    }
}

/// <summary>Port classes with one pair of rules.</summary>
/// <param name="First">The first port class; the run ends where the next begins.</param>
/// <param name="Place">Index into the palette of the row; a palette is no longer than there are port classes.</param>
internal readonly record struct PaintedRun(ushort First, ushort Place);
