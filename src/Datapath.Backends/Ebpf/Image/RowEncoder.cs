using System.Collections.Immutable;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>Writes the rows of the verdict matrix, in the form that suits their number and size.</summary>
internal static class RowEncoder
{
    /// <summary>
    /// Up to this many bytes rows are dense, whatever the compressed form would take: this much of kernel memory is a fair price for a
    /// verdict with one read less. Beyond it the smaller form is taken.
    /// </summary>
    public const long DenseLimitBytes = 8 << 20;

    /// <summary>Descriptors that a 16-bit cell can name: 0 names none.</summary>
    public const int DenseDescriptors = ushort.MaxValue;

    /// <summary>What stands in the image for a descriptor. Never 0: where nothing was written no rule is found, and that fails closed.</summary>
    /// <param name="descriptor">Its number in the compiled policy.</param>
    public static uint CellOf(int descriptor) => (uint)descriptor + 1;

    /// <summary>Writes the rows.</summary>
    /// <param name="lines">Where to.</param>
    /// <param name="policy">The policy that they are of.</param>
    /// <param name="wanted">The form; null for the one that suits. More descriptors than dense cells can name are never dense.</param>
    /// <param name="entries">For each row what tables of rows say of it.</param>
    /// <returns>The form that was taken.</returns>
    public static RowForm Encode(ImageLines lines, CompiledPolicy policy, RowForm? wanted, out uint[] entries)
    {
        int linesOfRow = LinesOfDenseRow(policy.Ports.ClassCount);
        long denseLines = (long)linesOfRow * policy.Rows.Length;
        bool mayBeDense = policy.Descriptors.Length <= DenseDescriptors && wanted != RowForm.Compressed;
        if (mayBeDense && (wanted == RowForm.Dense || denseLines * PolicyImage.LineBytes <= DenseLimitBytes))
        {
            entries = Dense(lines, policy.Rows, policy.Ports.ClassCount);
            return RowForm.Dense;
        }

        var compressed = CompressedRows.Of(policy.Rows, policy.Ports.ClassCount, lines.Count);
        if (mayBeDense && denseLines <= compressed.Lines)
        {
            entries = Dense(lines, policy.Rows, policy.Ports.ClassCount);
            return RowForm.Dense;
        }

        compressed.Words.CopyTo(lines.WordsFrom(lines.Allocate(compressed.Lines)));
        entries = compressed.Entries;
        return RowForm.Compressed;
    }

    /// <summary>Writes more rows of a form that there are rows of already.</summary>
    /// <param name="lines">Where to.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="portClasses">Port classes that they have.</param>
    /// <param name="form">The form.</param>
    /// <returns>For each row what tables of rows say of it.</returns>
    public static uint[] EncodeMore(ImageLines lines, ImmutableArray<MatrixRow> rows, int portClasses, RowForm form)
    {
        if (form == RowForm.Dense)
        {
            return Dense(lines, rows, portClasses);
        }

        var compressed = CompressedRows.Of(rows, portClasses, lines.Count);
        compressed.Words.CopyTo(lines.WordsFrom(lines.Allocate(compressed.Lines)));
        return compressed.Entries;
    }

    private static int LinesOfDenseRow(int portClasses) => ((portClasses * sizeof(ushort)) + PolicyImage.LineBytes - 1) / PolicyImage.LineBytes;

    private static uint[] Dense(ImageLines lines, ImmutableArray<MatrixRow> rows, int portClasses)
    {
        int linesOfRow = LinesOfDenseRow(portClasses);
        var entries = new uint[rows.Length];
        for (int i = 0; i < entries.Length; i++)
        {
            int line = lines.Allocate(linesOfRow);
            Fill(lines.HalvesFrom(line)[..portClasses], rows[i].Runs);
            entries[i] = (uint)line;
        }

        return entries;
    }

    private static void Fill(Span<ushort> cells, ImmutableArray<CellRun> runs)
    {
        for (int i = 0; i < runs.Length; i++)
        {
            int end = i + 1 < runs.Length ? runs[i + 1].First : cells.Length;
            cells[runs[i].First..end].Fill((ushort)CellOf(runs[i].Cell));
        }
    }
}
