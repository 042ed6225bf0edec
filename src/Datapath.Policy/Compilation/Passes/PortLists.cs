using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>The distinct port lists that rules name, each as the keys that it covers.</summary>
internal sealed class PortLists
{
    /// <summary>The list that names every key of every table.</summary>
    public const int Any = -1;

    private readonly Dictionary<ImmutableArray<ProtocolPort>, int> _numberOfArray = [];
    private readonly Dictionary<string, int> _numberOfText = [];
    private readonly List<List<PortSpan>> _spans = [];

    /// <summary>Arrays that were looked up, those of rules long gone included.</summary>
    public int ArrayCount => _numberOfArray.Count;

    /// <summary>The runs of keys that a list covers.</summary>
    public IReadOnlyList<PortSpan> Spans(int list) => _spans[list];

    /// <summary>The number of a list of <c>protocolPorts</c>; empty and <c>any</c> are <see cref="Any"/>.</summary>
    public int Number(ImmutableArray<ProtocolPort> ports)
    {
        // A rule that did not change since the last compilation still has the very same array.
        if (!_numberOfArray.TryGetValue(ports, out int number))
        {
            number = ports.IsEmpty || ports.Any(port => port.Protocol == ProtocolPort.AnyProtocol) ? Any : NumberOf(ports);
            _numberOfArray.Add(ports, number);
        }
        return number;
    }

    /// <summary>The number of a list that a built-in has: one key in some tables.</summary>
    public int Number(ReadOnlySpan<PortTable> tables, ushort key)
    {
        int number = Entered(string.Create(CultureInfo.InvariantCulture, $"built-in {tables.Length} {key}"), out bool isNew);
        if (isNew)
        {
            foreach (PortTable table in tables)
            {
                _spans[number].Add(new PortSpan(table, key, key));
            }
        }
        return number;
    }

    private int NumberOf(ImmutableArray<ProtocolPort> ports)
    {
        var text = new StringBuilder();
        foreach (ProtocolPort port in ports)
        {
            text.Append(CultureInfo.InvariantCulture, $"{port.Protocol}:");
            foreach (KeyRange range in port.Ranges)
            {
                text.Append(CultureInfo.InvariantCulture, $"{range.First}-{range.Last},");
            }
        }
        int number = Entered(text.ToString(), out bool isNew);
        if (isNew)
        {
            foreach (ProtocolPort port in ports)
            {
                Add(_spans[number], port);
            }
        }
        return number;
    }

    private int Entered(string text, out bool isNew)
    {
        isNew = _numberOfText.TryAdd(text, _spans.Count);
        if (isNew)
        {
            _spans.Add([]);
        }
        return _numberOfText[text];
    }

    private static void Add(List<PortSpan> spans, ProtocolPort port)
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
            spans.Add(new PortSpan(PortTable.Other, (ushort)port.Protocol, (ushort)port.Protocol));
        }
        foreach (PortTable table in tables)
        {
            if (port.Ranges.IsEmpty)
            {
                spans.Add(new PortSpan(table, ushort.MinValue, ushort.MaxValue));
            }
            foreach (KeyRange range in port.Ranges)
            {
                spans.Add(new PortSpan(table, range.First, range.Last));
            }
        }
    }
}

/// <summary>An inclusive run of keys of one table.</summary>
internal readonly record struct PortSpan(PortTable Table, ushort First, ushort Last);
