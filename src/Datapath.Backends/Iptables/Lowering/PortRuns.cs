using System.Collections.Immutable;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Iptables.Lowering;

/// <summary>A run of keys of one port table that one cell decides.</summary>
/// <param name="First">The lowest key.</param>
/// <param name="Last">The highest key.</param>
/// <param name="Cell">Index into <see cref="CompiledPolicy.Descriptors"/>.</param>
internal readonly record struct PortCells(int First, int Last, int Cell)
{
    /// <summary>How many keys.</summary>
    public int Count => Last - First + 1;
}

/// <summary>Reads the rows of a compiled policy table by table: the only place here that knows how rows are stored.</summary>
/// <param name="policy">The policy.</param>
internal sealed class PortRuns(CompiledPolicy policy)
{
    private readonly ImmutableArray<PortSegment> _segments = PortSegment.Of(policy.Ports);

    /// <summary>What decides each key of a table in a row, in as few runs as possible, ascending, without gaps.</summary>
    /// <param name="row">Index into <see cref="CompiledPolicy.Rows"/>.</param>
    /// <param name="table">Which table.</param>
    public ImmutableArray<PortCells> Of(int row, PortTable table)
    {
        var runs = ImmutableArray.CreateBuilder<PortCells>();
        foreach (PortSegment segment in _segments)
        {
            if (segment.Span.Table != table)
            {
                continue;
            }

            int cell = policy.Rows[row][segment.Class];
            if (runs.Count > 0 && runs[^1].Cell == cell)
            {
                runs[^1] = runs[^1] with { Last = segment.Span.Last };
            }
            else
            {
                runs.Add(new PortCells(segment.Span.First, segment.Span.Last, cell));
            }
        }

        return runs.ToImmutable();
    }
}
