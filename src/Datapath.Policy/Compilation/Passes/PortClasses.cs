using System.Collections.Immutable;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>Cuts the port tables into classes of keys that are in the same port lists.</summary>
internal sealed class PortClasses
{
    private const int TableCount = 6;
    private const int KeysOfTable = 0x10000;
    private const int KeysOfOther = 0x100;

    private readonly uint[] _positions;
    private readonly int[] _changes;
    private readonly SequenceTable _classes = new();
    private readonly Dictionary<int, ClassRun[]> _classesOfList;

    private PortClasses(uint[] positions, int[] changes)
    {
        _positions = positions;
        _changes = changes;
        _classes.Intern([]);
        var active = new ActiveSet();
        var tables = ImmutableArray.CreateBuilder<ImmutableArray<PortRun>>(TableCount);
        int at = 0;
        for (int table = 0; table < TableCount; table++)
        {
            tables.Add(Runs(table, ref at, active));
        }
        Map = new PortMap(_classes.Count, tables.ToImmutable());
        var classesOfList = new Dictionary<int, List<ClassRun>>();
        for (int portClass = 0; portClass < _classes.Count; portClass++)
        {
            foreach (int list in _classes[portClass])
            {
                if (!classesOfList.TryGetValue(list, out List<ClassRun>? classes))
                {
                    classesOfList.Add(list, classes = []);
                }
                ClassRun.Extend(classes, portClass);
            }
        }
        _classesOfList = classesOfList.ToDictionary(one => one.Key, one => one.Value.ToArray());
    }

    /// <summary>The classes by table and key. Meaningless when there are more than 65,536.</summary>
    public PortMap Map { get; }

    /// <summary>Number of classes, over all tables.</summary>
    public int Count => _classes.Count;

    /// <summary>Tells port lists apart.</summary>
    /// <param name="lists">What they cover.</param>
    /// <param name="used">The lists that rules name.</param>
    /// <param name="known">Classes of an earlier compilation, returned when they are the right ones; null when there is none.</param>
    public static PortClasses Divide(PortLists lists, IEnumerable<int> used, PortClasses? known)
    {
        var positions = new List<uint>();
        var changes = new List<int>();
        foreach (int list in used.Where(list => list != PortLists.Any).Order())
        {
            foreach (PortSpan span in lists.Spans(list))
            {
                positions.Add(Position((int)span.Table, span.First));
                changes.Add((list << 1) | 1);
                positions.Add(Position((int)span.Table, span.Last + 1));
                changes.Add(list << 1);
            }
        }
        uint[] sorted = [.. positions];
        int[] what = [.. changes];
        Array.Sort(sorted, what);
        return known is not null && sorted.AsSpan().SequenceEqual(known._positions) && what.AsSpan().SequenceEqual(known._changes)
            ? known
            : new PortClasses(sorted, what);
    }

    /// <summary>The port classes that a list covers, as ascending runs; not for <see cref="PortLists.Any"/>, which covers all.</summary>
    public ReadOnlySpan<ClassRun> Classes(int list) => _classesOfList[list];

    private ImmutableArray<PortRun> Runs(int table, ref int at, ActiveSet active)
    {
        uint start = Position(table, 0);
        uint end = Position(table, table == (int)PortTable.Other ? KeysOfOther : KeysOfTable);
        var runs = ImmutableArray.CreateBuilder<PortRun>();
        uint position = start;
        do
        {
            Pass(position, ref at, active);
            int portClass = _classes.Intern(active.Numbers);
            if (runs.Count == 0 || runs[^1].Class != unchecked((ushort)portClass))
            {
                runs.Add(new PortRun((ushort)(position - start), unchecked((ushort)portClass)));
            }
            position = at < _positions.Length ? _positions[at] : end;
        } while (position < end);
        // What reaches to the end of the table leaves here.
        Pass(end, ref at, active);
        return runs.ToImmutable();
    }

    private void Pass(uint position, ref int at, ActiveSet active)
    {
        for (; at < _positions.Length && _positions[at] == position; at++)
        {
            if ((_changes[at] & 1) != 0)
            {
                active.Enter(_changes[at] >> 1);
            }
            else
            {
                active.Leave(_changes[at] >> 1);
            }
        }
    }

    // Twice the room of a table, so that the end of one is not the start of the next.
    private static uint Position(int table, int key) => (uint)((table * 2 * KeysOfTable) + key);
}
