using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Printing;

/// <summary>Sets of port keys in the words of <c>protocolPorts</c>.</summary>
public static class PortSpanText
{
    private static readonly ImmutableArray<PortTable> Tables =
        [PortTable.Tcp, PortTable.Udp, PortTable.Icmp, PortTable.Icmp6, PortTable.Icmp6OnLink, PortTable.Other];

    /// <summary>Everything that a packet can have; protocols with a table of their own never come as numbers.</summary>
    private static readonly ImmutableArray<PortSpan> Everything =
        [
            .. Tables.Take((int)PortTable.Other).Select(table => new PortSpan(table, 0, PortSpan.LastKey(table))),
            .. PortSpan.Join(
                Enumerable
                    .Range(0, PortSpan.LastKey(PortTable.Other) + 1)
                    .Where(protocol => CompiledPolicyReader.TableOf(protocol, isOnLink: false) == PortTable.Other)
                    .Select(protocol => new PortSpan(PortTable.Other, (ushort)protocol, (ushort)protocol))
            ),
        ];

    private static readonly ImmutableArray<PortSpan> BuiltIns =
        [
            .. ((PortTable[])[PortTable.Icmp6, PortTable.Icmp6OnLink]).SelectMany(table =>
                Enumerable
                    .Range(0, byte.MaxValue + 1)
                    .Select(type => (ushort)(type << 8))
                    .Where(key => PolicyEvaluator.BuiltIn(new Question(null, Direction.Incoming, default, table, key)) is not null)
                    .Select(key => new PortSpan(table, key, key))
            ),
        ];

    /// <summary>A set in as few words as possible: <c>any</c>, <c>tcp/22 icmp/8</c>, <c>any but tcp/22 built-ins</c>.</summary>
    /// <param name="spans">None overlaps another.</param>
    /// <remarks>"Built-ins" are the ICMPv6 messages that every policy allows.</remarks>
    public static ImmutableArray<string> Of(IEnumerable<PortSpan> spans)
    {
        ImmutableArray<PortSpan> set = PortSpan.Intersect(PortSpan.Join(spans), Everything);
        ImmutableArray<PortSpan> rest = PortSpan.Subtract(Everything, set);
        if (rest.IsEmpty)
        {
            return ["any"];
        }
        ImmutableArray<string> words = Words(set);
        ImmutableArray<string> others = Words(rest);
        return others.Length + 1 < words.Length ? ["any but", .. others] : words;
    }

    /// <summary>Every run of a set, nothing said by what is left out; <c>other protocols</c> are all without a table of their own.</summary>
    /// <param name="spans">None overlaps another.</param>
    public static ImmutableArray<string> Exact(IEnumerable<PortSpan> spans)
    {
        ImmutableArray<PortSpan> set = PortSpan.Intersect(PortSpan.Join(spans), Everything);
        IEnumerable<PortSpan> withPorts = set.Where(span => span.Table != PortTable.Other);
        return [.. withPorts.SelectMany(span => Word(span, span.Table == PortTable.Icmp6OnLink ? " on link" : "")), .. Others(Of(set, PortTable.Other))];
    }

    /// <summary>One key.</summary>
    /// <param name="table">What the key means.</param>
    /// <param name="key">The key.</param>
    public static string Of(PortTable table, ushort key) => Word(new PortSpan(table, key, key), "").Single();

    private static ImmutableArray<string> Words(ImmutableArray<PortSpan> set)
    {
        ImmutableArray<PortSpan> routed = Of(set, PortTable.Icmp6);
        ImmutableArray<PortSpan> onLink = Of(set, PortTable.Icmp6OnLink);
        bool hasBuiltIns = !(IsWhole(routed) && IsWhole(onLink)) && PortSpan.Subtract(BuiltIns, set).IsEmpty;
        if (hasBuiltIns)
        {
            (routed, onLink) = (PortSpan.Subtract(routed, BuiltIns), PortSpan.Subtract(onLink, BuiltIns));
        }
        ImmutableArray<PortSpan> both = PortSpan.Intersect(routed, Moved(onLink, PortTable.Icmp6));
        ImmutableArray<PortSpan> onlyOnLink = PortSpan.Subtract(onLink, Moved(both, PortTable.Icmp6OnLink));
        return
        [
            .. Of(set, PortTable.Tcp).SelectMany(span => Word(span, "")),
            .. Of(set, PortTable.Udp).SelectMany(span => Word(span, "")),
            .. Of(set, PortTable.Icmp).SelectMany(span => Word(span, "")),
            .. both.SelectMany(span => Word(span, "")),
            .. PortSpan.Subtract(routed, both).SelectMany(span => Word(span, " not on link")),
            .. onlyOnLink.SelectMany(span => Word(span, " on link")),
            .. hasBuiltIns ? ["built-ins"] : Array.Empty<string>(),
            .. Others(Of(set, PortTable.Other)),
        ];
    }

    private static ImmutableArray<PortSpan> Of(ImmutableArray<PortSpan> set, PortTable table) => [.. set.Where(span => span.Table == table)];

    private static ImmutableArray<PortSpan> Moved(ImmutableArray<PortSpan> set, PortTable table) => [.. set.Select(span => span with { Table = table })];

    private static bool IsWhole(ImmutableArray<PortSpan> spans) => spans is [{ First: 0 } only] && only.Last == PortSpan.LastKey(only.Table);

    private static IEnumerable<string> Others(ImmutableArray<PortSpan> spans) =>
        PortSpan.Subtract(Of(Everything, PortTable.Other), spans).IsEmpty
            ? ["other protocols"]
            : spans.SelectMany(span => Word(span, ""));

    private static IEnumerable<string> Word(PortSpan span, string note) =>
        span.Table switch
        {
            PortTable.Tcp => [$"tcp/{Range(span.First, span.Last)}"],
            PortTable.Udp => [$"udp/{Range(span.First, span.Last)}"],
            PortTable.Icmp => Icmp("icmp", span, ""),
            PortTable.Other => Enumerable.Range(span.First, span.Last - span.First + 1).Select(ProtocolNames.NameOf),
            _ => Icmp("icmp6", span, note),
        };

    private static string Range(int first, int last) => first == last ? $"{first}" : $"{first}:{last}";

    /// <summary>Whole types are run together; the codes of a type that is not whole stand alone.</summary>
    private static IEnumerable<string> Icmp(string name, PortSpan span, string note)
    {
        if (IsWhole([span]))
        {
            yield return name + note;
            yield break;
        }
        int type = span.First >> 8;
        int code = span.First & 0xff;
        int lastType = span.Last >> 8;
        int lastCode = span.Last & 0xff;
        if (code != 0 && type < lastType)
        {
            yield return $"{name}/{type}/{Range(code, 0xff)}{note}";
            (type, code) = (type + 1, 0);
        }
        int wholeTypes = lastCode == 0xff ? lastType : lastType - 1;
        if (code == 0 && type <= wholeTypes)
        {
            yield return $"{name}/{Range(type, wholeTypes)}{note}";
            type = wholeTypes + 1;
        }
        if (type <= lastType)
        {
            yield return $"{name}/{type}/{Range(code, lastCode)}{note}";
        }
    }
}
