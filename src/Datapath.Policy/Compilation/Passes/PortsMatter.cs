namespace Datapath.Policy.Compilation.Passes;

/// <summary>Whether a packet whose ports cannot be read could be judged wrongly; see <see cref="UnitPolicy.IncomingPortsMatter"/>.</summary>
internal sealed class PortsMatter(PortClasses ports, RuleCatalog catalog)
{
    // The other protocols have no ports: their number is known from the first fragment to the last.
    private readonly int[][] _classesOfTables =
        [.. ports.Map.Tables.Take((int)PortTable.Other).Select(runs => runs.Select(run => (int)run.Class).Distinct().ToArray())];

    /// <summary>Whether a table of the row holds both verdicts.</summary>
    /// <param name="deciding">For each port class the rule that decides it.</param>
    public bool InRow(int[] deciding) => _classesOfTables.Any(classes => IsMixed(deciding, classes));

    private bool IsMixed(int[] deciding, int[] classes)
    {
        Verdict? only = null;
        int last = -1;
        foreach (int portClass in classes)
        {
            if (deciding[portClass] == last)
            {
                continue;
            }
            last = deciding[portClass];
            CatalogRule rule = catalog[last];
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
