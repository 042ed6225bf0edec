namespace Datapath.Policy.Compilation.Passes;

/// <summary>Paints rows of the verdict matrix: for one peer class, which rule decides each port class.</summary>
internal sealed class RowPainter(PortClasses ports, RuleCatalog catalog, RowMemory memory)
{
    private const int None = -1;

    private readonly int[] _deciding = new int[ports.Count];
    private readonly int[] _observed = new int[ports.Count];
    private readonly List<int> _palette = [];
    private readonly List<int> _placeOfPair = [];
    private readonly PortsMatter _matter = new(ports, catalog);

    /// <summary>The row in which these rules meet.</summary>
    /// <param name="deciding">The rules that match the peer, by precedence; the last one covers all ports.</param>
    /// <param name="observing">The observing rules that match the peer, by precedence.</param>
    public PaintedRow Paint(List<PreparedRule> deciding, List<PreparedRule> observing)
    {
        Fill(_deciding, deciding);
        Fill(_observed, observing);
        var cells = new ushort[ports.Count];
        _palette.Clear();
        ushort index = 0;
        for (int i = 0; i < cells.Length; i++)
        {
            if (i == 0 || _deciding[i] != _deciding[i - 1] || _observed[i] != _observed[i - 1])
            {
                index = Place(_deciding[i], _observed[i]);
            }
            cells[i] = index;
        }
        return new PaintedRow([.. _palette], cells, _matter.InRow(_deciding));
    }

    /// <summary>The place of a pair of rules in the palette of the row.</summary>
    private ushort Place(int rule, int observed)
    {
        // What passes untouched or by a built-in is not reported, so there is nothing to observe.
        bool isBuiltIn = catalog[rule].Flags.HasFlag(DescriptorFlags.BuiltIn);
        int pair = memory.Number(new RulePair(rule, isBuiltIn ? None : observed));
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

    /// <summary>Each cell gets the first rule that covers it.</summary>
    private void Fill(int[] cells, List<PreparedRule> rules)
    {
        Array.Fill(cells, None);
        int left = cells.Length;
        foreach (PreparedRule rule in rules)
        {
            if (rule.Ports == PortLists.Any)
            {
                cells.AsSpan().Replace(None, rule.Rule);
                return;
            }
            foreach (int portClass in ports.Classes(rule.Ports))
            {
                if (cells[portClass] == None)
                {
                    cells[portClass] = rule.Rule;
                    left--;
                }
            }
            if (left == 0)
            {
                return;
            }
        }
    }
}
