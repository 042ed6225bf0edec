namespace Datapath.Backends.Ebpf;

/// <summary>A run of lines.</summary>
/// <param name="First">The first.</param>
/// <param name="Lines">How many.</param>
internal readonly record struct LineExtent(int First, int Lines)
{
    /// <summary>The line behind the last.</summary>
    public int End => First + Lines;

    /// <summary>Whether all of another run is in this one.</summary>
    public bool Holds(LineExtent other) => First <= other.First && other.End <= End;
}

/// <summary>The lines of the arena that no live image has.</summary>
internal sealed class FreeLines
{
    /// <summary>Finds them.</summary>
    /// <param name="used">What live images have, in any order; some of it more than once.</param>
    /// <param name="lines">Lines of the arena.</param>
    public FreeLines(IEnumerable<LineExtent> used, int lines)
    {
        var gaps = new List<LineExtent>();
        int free = 0;
        foreach (LineExtent one in used.OrderBy(one => one.First).Append(new LineExtent(lines, 0)))
        {
            if (one.First > free)
            {
                gaps.Add(new LineExtent(free, one.First - free));
            }

            free = Math.Max(free, one.End);
        }

        Gaps = gaps;
    }

    /// <summary>Runs of free lines, ascending.</summary>
    public IReadOnlyList<LineExtent> Gaps { get; }

    /// <summary>The longest of them; no lines when nothing is free.</summary>
    public LineExtent Largest => Gaps.DefaultIfEmpty().MaxBy(gap => gap.Lines);

    /// <summary>Whether all lines of a run are free.</summary>
    public bool Holds(LineExtent one) => one.Lines == 0 || Gaps.Any(gap => gap.Holds(one));

    /// <summary>The first gap from a line on that has room for something and leaves as much as that beside it for something else.</summary>
    /// <param name="from">Gaps that begin before are passed by.</param>
    /// <param name="lines">The room.</param>
    /// <param name="left">What must be left in one piece, here or in another gap.</param>
    /// <returns>Its first line; null when there is none.</returns>
    public int? FirstFit(int from, int lines, int left)
    {
        foreach (LineExtent gap in Gaps.Where(gap => gap.First >= from && gap.Lines >= lines))
        {
            if (Gaps.Max(other => other == gap ? gap.Lines - lines : other.Lines) >= left)
            {
                return gap.First;
            }
        }

        return null;
    }
}
