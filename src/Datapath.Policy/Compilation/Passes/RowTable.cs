using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>Paints the rows of the verdict matrix: for one peer class, which rule decides each port class.</summary>
internal sealed class RowTable(PortClasses ports, RuleCatalog catalog)
{
    /// <summary>Cells of all distinct rows together, 256 MB of them: more than any kernel map of ours is given.</summary>
    public const int MaxCells = 1 << 27;

    private const int None = -1;

    private readonly SequenceTable _lists = new();
    private readonly List<int> _rowOfList = [];
    private readonly Dictionary<(int Rule, int Observed), int> _descriptors = [];
    private readonly SequenceTable _contents = new();
    private readonly int[] _deciding = new int[ports.Count];
    private readonly int[] _observed = new int[ports.Count];
    private readonly int[] _cells = new int[ports.Count];

    /// <summary>Number of distinct rows.</summary>
    public int Count => _contents.Count;

    /// <summary>The rules of each descriptor, in the order of first use; the observed rule is -1 when there is none.</summary>
    public IReadOnlyCollection<(int Rule, int Observed)> Descriptors => _descriptors.Keys;

    /// <summary>Whether the rows take more than <see cref="MaxCells"/>; painting has stopped then.</summary>
    public bool IsFull => (long)(_contents.Count + 1) * ports.Count > MaxCells;

    /// <summary>The cells of a row: indexes into <see cref="Descriptors"/>.</summary>
    public ReadOnlySpan<int> Cells(int row) => _contents[row];

    /// <summary>A descriptor that stands in no cell.</summary>
    public int Descriptor(int rule) => Descriptor(rule, None);

    /// <summary>The row in which these rules meet.</summary>
    /// <param name="deciding">The rules that match the peer, by precedence; the last one covers all ports.</param>
    /// <param name="observing">The observing rules that match the peer, by precedence.</param>
    public int Row(ReadOnlySpan<PreparedRule> deciding, ReadOnlySpan<PreparedRule> observing)
    {
        var key = new List<int>((2 * (deciding.Length + observing.Length)) + 1);
        AddTo(key, deciding);
        key.Add(None);
        AddTo(key, observing);
        int list = _lists.Intern(CollectionsMarshal.AsSpan(key), out bool isNew);
        if (isNew)
        {
            _rowOfList.Add(IsFull ? 0 : Paint(deciding, observing));
        }
        return _rowOfList[list];
    }

    private static void AddTo(List<int> key, ReadOnlySpan<PreparedRule> rules)
    {
        foreach (PreparedRule rule in rules)
        {
            key.Add(rule.Rule);
            key.Add(rule.Ports);
        }
    }

    private int Paint(ReadOnlySpan<PreparedRule> deciding, ReadOnlySpan<PreparedRule> observing)
    {
        Fill(_deciding, deciding);
        Fill(_observed, observing);
        for (int i = 0; i < _cells.Length; i++)
        {
            // What passes untouched or by a built-in is not reported, so there is nothing to observe.
            bool isBuiltIn = catalog[_deciding[i]].Flags.HasFlag(DescriptorFlags.BuiltIn);
            _cells[i] = Descriptor(_deciding[i], isBuiltIn ? None : _observed[i]);
        }
        return _contents.Intern(_cells);
    }

    /// <summary>Each cell gets the first rule that covers it.</summary>
    private void Fill(int[] cells, ReadOnlySpan<PreparedRule> rules)
    {
        Array.Fill(cells, None);
        int left = cells.Length;
        foreach (PreparedRule rule in rules)
        {
            if (rule.Ports == PortClasses.Any)
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

    private int Descriptor(int rule, int observed)
    {
        ref int number = ref CollectionsMarshal.GetValueRefOrAddDefault(_descriptors, (rule, observed), out bool isKnown);
        if (!isKnown)
        {
            number = _descriptors.Count - 1;
        }
        return number;
    }
}
