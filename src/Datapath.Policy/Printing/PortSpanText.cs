using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Printing;

/// <summary>Sets of port keys as <c>protocolPorts</c> would write them, in as few words as possible.</summary>
public static class PortSpanText
{
    private const int TableCount = 6;

    // More names than this say less than "everything but".
    private const int MostExceptions = 8;

    /// <summary>The entries of a set; <c>any</c> alone when it is everything.</summary>
    /// <param name="spans">None overlaps another.</param>
    public static ImmutableArray<string> Of(IEnumerable<PortSpan> spans)
    {
        ImmutableArray<PortSpan>[] tables = new ImmutableArray<PortSpan>[TableCount];
        ImmutableArray<PortSpan> joined = PortSpan.Join(spans);
        for (int table = 0; table < TableCount; table++)
        {
            tables[table] = [.. joined.Where(span => (int)span.Table == table)];
        }
        ImmutableArray<int> others = OtherProtocols(tables[(int)PortTable.Other]);
        if (tables.Take((int)PortTable.Other).All(IsWhole) && others.Length == OtherCount)
        {
            return ["any"];
        }
        bool isOnLinkAlike = AreAlike(tables[(int)PortTable.Icmp6], tables[(int)PortTable.Icmp6OnLink]);
        return
        [
            .. tables[(int)PortTable.Tcp].Select(span => $"tcp/{Range(span.First, span.Last)}"),
            .. tables[(int)PortTable.Udp].Select(span => $"udp/{Range(span.First, span.Last)}"),
            .. tables[(int)PortTable.Icmp].SelectMany(span => Icmp("icmp", span, "")),
            .. tables[(int)PortTable.Icmp6].SelectMany(span => Icmp("icmp6", span, isOnLinkAlike ? "" : " from beyond a router")),
            .. isOnLinkAlike ? [] : tables[(int)PortTable.Icmp6OnLink].SelectMany(span => Icmp("icmp6", span, " on link")),
            .. Others(others),
        ];
    }

    /// <summary>One key.</summary>
    /// <param name="table">What the key means.</param>
    /// <param name="key">The key.</param>
    public static string Of(PortTable table, ushort key) => Of([new PortSpan(table, key, key)])[0];

    private static int OtherCount => PortSpan.LastKey(PortTable.Other) + 1 - 4;

    private static bool IsWhole(ImmutableArray<PortSpan> spans) =>
        spans is [{ First: 0 } only] && only.Last == PortSpan.LastKey(only.Table);

    private static bool AreAlike(ImmutableArray<PortSpan> left, ImmutableArray<PortSpan> right) =>
        left.Select(span => (span.First, span.Last)).SequenceEqual(right.Select(span => (span.First, span.Last)));

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

    // Protocols with tables of their own never come here as numbers.
    private static ImmutableArray<int> OtherProtocols(ImmutableArray<PortSpan> spans) =>
        [
            .. spans
                .SelectMany(span => Enumerable.Range(span.First, span.Last - span.First + 1))
                .Where(protocol => CompiledPolicyReader.TableOf(protocol, isOnLink: false) == PortTable.Other),
        ];

    private static IEnumerable<string> Others(ImmutableArray<int> protocols)
    {
        int[] missing =
        [
            .. Enumerable
                .Range(0, PortSpan.LastKey(PortTable.Other) + 1)
                .Where(protocol => CompiledPolicyReader.TableOf(protocol, isOnLink: false) == PortTable.Other)
                .Except(protocols),
        ];
        if (missing.Length == 0)
        {
            return ["every other protocol"];
        }
        return missing.Length <= MostExceptions && missing.Length < protocols.Length
            ? [$"every other protocol but {string.Join(' ', missing.Select(ProtocolNames.NameOf))}"]
            : protocols.Select(ProtocolNames.NameOf);
    }
}
