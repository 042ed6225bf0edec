namespace Datapath.Policy.Compilation.Passes;

/// <summary>Paints rows of the verdict matrix: for one peer class, which rule decides each port class.</summary>
internal sealed class RowPainter(PortClasses ports, RuleCatalog catalog, RowMemory memory)
{
    private const int None = -1;

    private readonly int[] _deciding = new int[ports.Count];
    private readonly int[] _observed = new int[ports.Count];
    private readonly PortsMatter _matter = new(ports, catalog);

    /// <summary>The row in which these rules meet.</summary>
    /// <param name="deciding">The rules that match the peer, by precedence; the last one covers all ports.</param>
    /// <param name="observing">The observing rules that match the peer, by precedence.</param>
    public PaintedRow Paint(List<PreparedRule> deciding, List<PreparedRule> observing)
    {
        Fill(_deciding, deciding);
        Fill(_observed, observing);
        var cells = new ushort[ports.Count];
        var palette = new List<int>();
        var places = new Dictionary<RulePair, ushort>();
        var last = new RulePair(None, None);
        ushort index = 0;
        for (int i = 0; i < cells.Length; i++)
        {
            // What passes untouched or by a built-in is not reported, so there is nothing to observe.
            bool isBuiltIn = catalog[_deciding[i]].Flags.HasFlag(DescriptorFlags.BuiltIn);
            var pair = new RulePair(_deciding[i], isBuiltIn ? None : _observed[i]);
            if (pair != last)
            {
                if (!places.TryGetValue(pair, out index))
                {
                    index = (ushort)palette.Count;
                    places.Add(pair, index);
                    palette.Add(memory.Number(pair));
                }
                last = pair;
            }
            cells[i] = index;
        }
        return new PaintedRow([.. palette], cells, _matter.InRow(_deciding));
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
