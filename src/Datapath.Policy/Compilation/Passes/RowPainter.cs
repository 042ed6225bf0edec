namespace Datapath.Policy.Compilation.Passes;

/// <summary>Paints rows of the verdict matrix: for one peer class, which rule decides each port class.</summary>
internal sealed class RowPainter(PortClasses ports, RuleCatalog catalog, RowMemory memory)
{
    private readonly RowLayer _deciding = new(ports);
    private readonly RowLayer _observing = new(ports);
    private readonly List<PaintedRun> _runs = [];
    private readonly List<int> _palette = [];
    private readonly List<int> _placeOfPair = [];
    private readonly PortsMatter _matter = new(ports, catalog);

    /// <summary>The row in which these rules meet.</summary>
    /// <param name="deciding">The rules that match the peer, by precedence; the last one covers all ports.</param>
    /// <param name="observing">The observing rules that match the peer, by precedence.</param>
    public PaintedRow Paint(List<PreparedRule> deciding, List<PreparedRule> observing)
    {
        _deciding.Fill(deciding);
        _observing.Fill(observing);
        _palette.Clear();
        _runs.Clear();
        ReadOnlySpan<LayerRun> upper = _deciding.Runs;
        ReadOnlySpan<LayerRun> lower = _observing.Runs;
        for (int i = 0, j = 0; i < upper.Length && j < lower.Length;)
        {
            Add(Math.Max(upper[i].First, lower[j].First), Place(upper[i].Rule, lower[j].Rule));
            int upperEnd = i + 1 < upper.Length ? upper[i + 1].First : ports.Count;
            int lowerEnd = j + 1 < lower.Length ? lower[j + 1].First : ports.Count;
            i += upperEnd <= lowerEnd ? 1 : 0;
            j += lowerEnd <= upperEnd ? 1 : 0;
        }
        return new PaintedRow([.. _palette], [.. _runs], _matter.InRow(upper));
    }

    private void Add(int first, ushort place)
    {
        // A built-in hides what observes it, so neighbours may come out alike.
        if (_runs.Count == 0 || _runs[^1].Place != place)
        {
            _runs.Add(new PaintedRun((ushort)first, place));
        }
    }

    /// <summary>The place of a pair of rules in the palette of the row.</summary>
    private ushort Place(int rule, int observed)
    {
        // What passes untouched or by a built-in is not reported, so there is nothing to observe.
        bool isBuiltIn = catalog[rule].Flags.HasFlag(DescriptorFlags.BuiltIn);
        int pair = memory.Number(new RulePair(rule, isBuiltIn ? RowLayer.None : observed));
        while (_placeOfPair.Count <= pair)
        {
            _placeOfPair.Add(0);
        }
        // A place of an earlier row may still stand there: it counts only if the palette agrees.
        int place = _placeOfPair[pair];
        if (place >= _palette.Count || _palette[place] != pair)
        {
            place = _palette.Count;
            _placeOfPair[pair] = place;
            _palette.Add(pair);
        }
        return (ushort)place;
    }
}
