using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>Rows as an image has them, so that later images find those that they have in common with it.</summary>
/// <param name="part">Their lines.</param>
/// <param name="form">Their form.</param>
/// <param name="rows">The rows.</param>
/// <param name="entries">For each row what tables of rows say of it.</param>
internal sealed class RowLines(ImagePart part, RowForm form, ImmutableArray<MatrixRow> rows, uint[] entries)
{
    // More new rows than this part of all are not worth two places: everything is written anew, and nothing that is of no use is left.
    private const int LeastKnown = 4;

    // A compilation gives the array of before to a row that is as before.
    private readonly Dictionary<CellRun[], uint> _entries = EntriesOf(rows, entries);

    /// <summary>Their lines.</summary>
    public ImagePart Part { get; } = part;

    /// <summary>Their form.</summary>
    public RowForm Form { get; } = form;

    /// <summary>Finds the rows of another policy with the same port classes.</summary>
    /// <param name="others">The rows.</param>
    /// <param name="known">For each row what tables say of it; 0 where it is a new one, which no row ever is.</param>
    /// <returns>Places of the new ones; null when there are too many.</returns>
    public List<int>? FindNew(ImmutableArray<MatrixRow> others, out uint[] known)
    {
        known = new uint[others.Length];
        var added = new List<int>();
        for (int i = 0; i < known.Length; i++)
        {
            if (!_entries.TryGetValue(ImmutableCollectionsMarshal.AsArray(others[i].Runs)!, out known[i]))
            {
                added.Add(i);
            }
        }

        return added.Count <= others.Length / LeastKnown ? added : null;
    }

    private static Dictionary<CellRun[], uint> EntriesOf(ImmutableArray<MatrixRow> rows, uint[] entries)
    {
        var found = new Dictionary<CellRun[], uint>(rows.Length);
        for (int i = 0; i < entries.Length; i++)
        {
            found[ImmutableCollectionsMarshal.AsArray(rows[i].Runs)!] = entries[i];
        }

        return found;
    }
}
