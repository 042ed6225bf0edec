using System.Collections.Immutable;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>Whether a packet whose ports cannot be read could be judged wrongly; see <see cref="UnitPolicy.IncomingPortsMatter"/>.</summary>
internal sealed class PortsMatter(PortClasses ports, RowTable rows, RuleCatalog catalog)
{
    // The other protocols have no ports: their number is known from the first fragment to the last.
    private readonly int[][] _classesOfTables =
        [.. ports.Map.Tables.Take((int)PortTable.Other).Select(runs => runs.Select(run => (int)run.Class).Distinct().ToArray())];

    private readonly CatalogRule[] _descriptors = [.. rows.Descriptors.Select(descriptor => catalog[descriptor.Rule])];
    private readonly Dictionary<int, bool> _known = [];

    public bool InAny(ImmutableArray<int> rowNumbers) => rowNumbers.Any(InRow);

    private bool InRow(int row)
    {
        if (!_known.TryGetValue(row, out bool matter))
        {
            matter = _classesOfTables.Any(classes => IsMixed(rows.Cells(row), classes));
            _known.Add(row, matter);
        }
        return matter;
    }

    private bool IsMixed(ReadOnlySpan<int> cells, int[] classes)
    {
        Verdict? only = null;
        foreach (int portClass in classes)
        {
            CatalogRule rule = _descriptors[cells[portClass]];
            if (rule.Flags.HasFlag(DescriptorFlags.BuiltIn))
            {
                continue;
            }
            if (only is { } verdict && verdict != rule.Verdict)
            {
                return true;
            }
            only = rule.Verdict;
        }
        return false;
    }
}
