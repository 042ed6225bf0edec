namespace Datapath.Policy.Compilation.Passes;

/// <summary>Whether a packet whose ports cannot be read could be judged wrongly; see <see cref="UnitPolicy.IncomingPortsMatter"/>.</summary>
internal sealed class PortsMatter(PortClasses ports, RuleCatalog catalog)
{
    // The other protocols have no ports: their number is known from the first fragment to the last.
    private readonly ClassRun[][] _classesOfTables = [.. ports.Map.Tables.Take((int)PortTable.Other).Select(runs => ClassesOf(runs))];

    /// <summary>Whether a table of the row holds both verdicts.</summary>
    /// <param name="deciding">For each port class the rule that decides it.</param>
    public bool InRow(ReadOnlySpan<LayerRun> deciding)
    {
        foreach (ClassRun[] classes in _classesOfTables)
        {
            if (IsMixed(deciding, classes))
            {
                return true;
            }
        }
        return false;
    }

    private bool IsMixed(ReadOnlySpan<LayerRun> deciding, ClassRun[] classes)
    {
        Verdict? only = null;
        // Both ascend, so one walk relates them.
        for (int i = 0, j = 0; i < deciding.Length && j < classes.Length;)
        {
            int last = i + 1 < deciding.Length ? deciding[i + 1].First - 1 : ports.Count - 1;
            if (classes[j].Last < deciding[i].First)
            {
                j++;
                continue;
            }
            if (classes[j].First <= last && catalog[deciding[i].Rule] is var rule && !rule.Flags.HasFlag(DescriptorFlags.BuiltIn))
            {
                if (only is { } verdict && verdict != rule.Verdict)
                {
                    return true;
                }
                only = rule.Verdict;
            }
            i++;
        }
        return false;
    }

    private static ClassRun[] ClassesOf(IEnumerable<PortRun> runs)
    {
        var joined = new List<ClassRun>();
        foreach (int portClass in runs.Select(run => (int)run.Class).Distinct().Order())
        {
            ClassRun.Extend(joined, portClass);
        }
        return [.. joined];
    }
}
