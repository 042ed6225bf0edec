using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>The distinct port lists that rules name, and the port classes that tell them apart.</summary>
internal sealed class PortClasses
{
    /// <summary>The list that names every key of every table.</summary>
    public const int Any = -1;

    private const int TableCount = 6;
    private const int KeysOfTable = 0x10000;
    private const int KeysOfOther = 0x100;

    private readonly Dictionary<string, int> _numbers = [];
    private readonly List<uint> _positions = [];
    private readonly List<int> _changes = [];
    private readonly SequenceTable _classes = new();
    private int[][] _classesOfList = [];

    /// <summary>The classes by table and key. Meaningless when there are more than 65,536.</summary>
    public PortMap Map { get; private set; } = new(0, []);

    /// <summary>Number of classes, over all tables.</summary>
    public int Count => _classes.Count;

    /// <summary>The number of a list of <c>protocolPorts</c>; empty and <c>any</c> are <see cref="Any"/>.</summary>
    public int Number(ImmutableArray<ProtocolPort> ports)
    {
        var text = new StringBuilder();
        foreach (ProtocolPort port in ports)
        {
            if (port.Protocol == ProtocolPort.AnyProtocol)
            {
                return Any;
            }
            text.Append(CultureInfo.InvariantCulture, $"{port.Protocol}:");
            foreach (KeyRange range in port.Ranges)
            {
                text.Append(CultureInfo.InvariantCulture, $"{range.First}-{range.Last},");
            }
        }
        if (text.Length == 0)
        {
            return Any;
        }
        string key = text.ToString();
        if (!_numbers.TryGetValue(key, out int number))
        {
            number = _numbers.Count;
            _numbers.Add(key, number);
            foreach (ProtocolPort port in ports)
            {
                Add(number, port);
            }
        }
        return number;
    }

    /// <summary>The number of a list that a built-in has: one key in some tables.</summary>
    public int Number(ReadOnlySpan<PortTable> tables, ushort key)
    {
        int number = _numbers.Count;
        _numbers.Add(string.Create(CultureInfo.InvariantCulture, $"built-in {number}"), number);
        foreach (PortTable table in tables)
        {
            Add(number, table, key, key);
        }
        return number;
    }

    /// <summary>Tells the lists apart; after that no list is added.</summary>
    public void Divide()
    {
        uint[] positions = [.. _positions];
        int[] changes = [.. _changes];
        Array.Sort(positions, changes);
        _classes.Intern([]);
        var active = new ActiveSet();
        var tables = ImmutableArray.CreateBuilder<ImmutableArray<PortRun>>(TableCount);
        int at = 0;
        for (int table = 0; table < TableCount; table++)
        {
            tables.Add(Runs(table, positions, changes, ref at, active));
        }
        Map = new PortMap(_classes.Count, tables.ToImmutable());
        var classesOfList = _numbers.Select(_ => new List<int>()).ToArray();
        for (int portClass = 0; portClass < _classes.Count; portClass++)
        {
            foreach (int list in _classes[portClass])
            {
                classesOfList[list].Add(portClass);
            }
        }
        _classesOfList = [.. classesOfList.Select(classes => classes.ToArray())];
    }

    /// <summary>The port classes that a list covers, ascending; not for <see cref="Any"/>, which covers all.</summary>
    public ReadOnlySpan<int> Classes(int list) => _classesOfList[list];

    private ImmutableArray<PortRun> Runs(int table, uint[] positions, int[] changes, ref int at, ActiveSet active)
    {
        uint start = Position(table, 0);
        uint end = Position(table, table == (int)PortTable.Other ? KeysOfOther : KeysOfTable);
        var runs = ImmutableArray.CreateBuilder<PortRun>();
        uint position = start;
        do
        {
            for (; at < positions.Length && positions[at] == position; at++)
            {
                Apply(active, changes[at]);
            }
            int portClass = _classes.Intern(active.Numbers);
            if (runs.Count == 0 || runs[^1].Class != unchecked((ushort)portClass))
            {
                runs.Add(new PortRun((ushort)(position - start), unchecked((ushort)portClass)));
            }
            position = at < positions.Length ? positions[at] : end;
        } while (position < end);
        // What reaches to the end of the table leaves here.
        for (; at < positions.Length && positions[at] == end; at++)
        {
            Apply(active, changes[at]);
        }
        return runs.ToImmutable();
    }

    private static void Apply(ActiveSet active, int change)
    {
        if ((change & 1) != 0)
        {
            active.Enter(change >> 1);
        }
        else
        {
            active.Leave(change >> 1);
        }
    }

    private void Add(int list, ProtocolPort port)
    {
        ReadOnlySpan<PortTable> tables = port.Protocol switch
        {
            IanaProtocol.Tcp => [PortTable.Tcp],
            IanaProtocol.Udp => [PortTable.Udp],
            IanaProtocol.Icmp => [PortTable.Icmp],
            IanaProtocol.IcmpV6 => [PortTable.Icmp6, PortTable.Icmp6OnLink],
            _ => [],
        };
        if (tables.IsEmpty)
        {
            Add(list, PortTable.Other, (ushort)port.Protocol, (ushort)port.Protocol);
        }
        foreach (PortTable table in tables)
        {
            if (port.Ranges.IsEmpty)
            {
                Add(list, table, ushort.MinValue, ushort.MaxValue);
            }
            foreach (KeyRange range in port.Ranges)
            {
                Add(list, table, range.First, range.Last);
            }
        }
    }

    private void Add(int list, PortTable table, ushort first, ushort last)
    {
        _positions.Add(Position((int)table, first));
        _changes.Add((list << 1) | 1);
        _positions.Add(Position((int)table, last + 1));
        _changes.Add(list << 1);
    }

    // Twice the room of a table, so that the end of one is not the start of the next.
    private static uint Position(int table, int key) => (uint)((table * 2 * KeysOfTable) + key);
}
