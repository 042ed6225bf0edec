using System.Collections.Immutable;

namespace Datapath.Policy.Compilation;

/// <summary>
/// A row of the verdict matrix: for each port class a cell, an index into <see cref="CompiledPolicy.Descriptors"/>. Kept as runs, because a
/// policy has thousands of port classes and one peer is met by few of its rules.
/// </summary>
/// <param name="Runs">Ascending, the first at port class 0; neighbours have different cells.</param>
public readonly record struct MatrixRow(ImmutableArray<CellRun> Runs)
{
    /// <summary>The cell of a port class.</summary>
    /// <param name="portClass">From 0.</param>
    public int this[int portClass]
    {
        get
        {
            ReadOnlySpan<CellRun> runs = Runs.AsSpan();
            int low = 0;
            int high = runs.Length - 1;
            while (low < high)
            {
                int middle = (low + high + 1) / 2;
                (low, high) = runs[middle].First <= portClass ? (middle, high) : (low, middle - 1);
            }
            return runs[low].Cell;
        }
    }
}

/// <summary>Port classes with one cell; the run ends where the next begins, or with the last port class.</summary>
/// <param name="First">The first port class.</param>
/// <param name="Cell">Index of a descriptor.</param>
public readonly record struct CellRun(int First, int Cell);
