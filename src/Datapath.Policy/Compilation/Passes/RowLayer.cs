using System.Runtime.InteropServices;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>
/// For each port class the first rule that covers it, as runs: one sweep over where rules begin and end, so that a row costs what its own
/// rules have of port lists and not what the whole policy has.
/// </summary>
internal sealed class RowLayer(PortClasses ports)
{
    /// <summary>No rule covers the port class.</summary>
    public const int None = -1;

    private readonly List<ulong> _starts = [];
    private readonly List<int> _ends = [];
    private readonly PriorityQueue<int, int> _covering = new();
    private readonly List<LayerRun> _runs = [];

    /// <summary>What the last <see cref="Fill"/> gave: ascending from port class 0, neighbours differ.</summary>
    public ReadOnlySpan<LayerRun> Runs => CollectionsMarshal.AsSpan(_runs);

    /// <summary>Lays rules over each other.</summary>
    /// <param name="rules">By precedence: where two cover the same port class, the earlier one is seen.</param>
    public void Fill(List<PreparedRule> rules)
    {
        int beneath = Collect(rules);
        CollectionsMarshal.AsSpan(_starts).Sort(CollectionsMarshal.AsSpan(_ends));
        _covering.Clear();
        _runs.Clear();
        int next = 0;
        int at = 0;
        while (at < ports.Count)
        {
            for (; next < _starts.Count && First(next) == at; next++)
            {
                _covering.Enqueue(_ends[next], Place(next));
            }
            int place;
            int end;
            while (_covering.TryPeek(out end, out place) && end <= at)
            {
                _covering.Dequeue();
            }
            bool isCovered = _covering.Count > 0;
            Add(at, isCovered ? rules[place].Rule : beneath);
            int change = next < _starts.Count ? First(next) : ports.Count;
            at = isCovered ? Math.Min(change, end) : change;
        }
    }

    /// <summary>Notes where each rule begins and ends.</summary>
    /// <returns>The rule that covers everything, which hides all after it; <see cref="None"/> when there is none.</returns>
    private int Collect(List<PreparedRule> rules)
    {
        _starts.Clear();
        _ends.Clear();
        for (int place = 0; place < rules.Count; place++)
        {
            if (rules[place].Ports == PortLists.Any)
            {
                return rules[place].Rule;
            }
            foreach (ClassRun run in ports.Classes(rules[place].Ports))
            {
                _starts.Add(((ulong)run.First << 32) | (uint)place);
                _ends.Add(run.Last + 1);
            }
        }
        return None;
    }

    private int First(int start) => (int)(_starts[start] >> 32);

    private int Place(int start) => (int)(uint)_starts[start];

    private void Add(int first, int rule)
    {
        if (_runs.Count == 0 || _runs[^1].Rule != rule)
        {
            _runs.Add(new LayerRun(first, rule));
        }
    }
}

/// <summary>Port classes for which one rule is the first.</summary>
/// <param name="First">The first port class; the run ends where the next begins.</param>
/// <param name="Rule">The rule's number in the catalog, or <see cref="RowLayer.None"/>.</param>
internal readonly record struct LayerRun(int First, int Rule);

/// <summary>An inclusive run of port classes.</summary>
/// <param name="First">The lowest.</param>
/// <param name="Last">The highest.</param>
internal readonly record struct ClassRun(int First, int Last)
{
    /// <summary>Adds a port class to runs that end before it.</summary>
    public static void Extend(List<ClassRun> runs, int portClass)
    {
        if (runs.Count > 0 && runs[^1].Last + 1 == portClass)
        {
            runs[^1] = runs[^1] with { Last = portClass };
        }
        else
        {
            runs.Add(new ClassRun(portClass, portClass));
        }
    }
}
