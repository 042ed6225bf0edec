using System.Collections.Immutable;
using System.Globalization;
using Datapath.Policy.Compilation;
using Datapath.Policy.Rulesets;

namespace Datapath.Backends.Iptables.Lowering;

/// <summary>From a row of the matrix to chains: by protocol, then by port, to the chain of the descriptor that decides.</summary>
/// <param name="runs">The rows.</param>
/// <param name="leaves">Where decisions end.</param>
/// <param name="book">Where chains are kept.</param>
/// <param name="family">Of which addresses.</param>
/// <param name="isAnswer">Whether packets answer: then the row is asked what their opener asked, which stands in their source port.</param>
internal sealed class RowChains(PortRuns runs, LeafChains leaves, ChainBook book, Family family, bool isAnswer)
{
    // As for classes of addresses: four ways at each step are the fewest rules, and beyond four steps there are more ways: see ChainBook.
    private const int Branches = 4;
    private const int MostSteps = 4;
    private const int AnyProtocol = 0;
    private const int MultiportSlots = 15;

    private readonly Dictionary<int, int> _chains = [];
    private readonly string _port = isAnswer ? "--sport" : "--dport";

    /// <summary>The chain of a row.</summary>
    /// <param name="row">Index into <see cref="CompiledPolicy.Rows"/>.</param>
    public int Of(int row)
    {
        if (!_chains.TryGetValue(row, out int chain))
        {
            chain = Build(row);
            _chains.Add(row, chain);
        }

        return chain;
    }

    private int Leaf(int cell, string protocol = "") => isAnswer ? leaves.OfAnswer(cell) : leaves.Of(cell, isTcp: protocol == "tcp");

    private int Build(int row)
    {
        ImmutableArray<PortCells> others = runs.Of(row, PortTable.Other);
        int rest = Leaf(MostCommon(others));
        var rules = ImmutableArray.CreateBuilder<ChainRule>();
        LeadPorts(rules, runs.Of(row, PortTable.Tcp), "tcp", rest);
        LeadPorts(rules, runs.Of(row, PortTable.Udp), "udp", rest);
        if (isAnswer)
        {
            Lead(rules, family.IsIPv6 ? "-p ipv6-icmp " : "-p icmp ", EchoReplies(runs.Of(row, family.IsIPv6 ? PortTable.Icmp6 : PortTable.Icmp)), rest);
        }
        else
        {
            LeadIcmp(rules, row, rest);
        }

        foreach (PortCells run in others)
        {
            for (int protocol = run.First; protocol <= run.Last; protocol++)
            {
                if (HasRuleOfItsOwn(protocol))
                {
                    Lead(rules, $"-p {protocol} ", Leaf(run.Cell), rest);
                }
            }
        }

        return book.Add([.. rules, ChainRule.Goto(rest)]);
    }

    // "-p 0" means every protocol: a packet of protocol 0, which only IPv4 can have and which is reserved, is judged like most others.
    private static bool HasRuleOfItsOwn(int protocol) =>
        protocol is not (AnyProtocol or IanaProtocol.Tcp or IanaProtocol.Udp or IanaProtocol.Icmp or IanaProtocol.IcmpV6);

    private static void Lead(ImmutableArray<ChainRule>.Builder rules, string matches, int chain, int rest)
    {
        // All rules here exclude each other, so that one which leads where the rest goes can be left out.
        if (chain != rest)
        {
            rules.Add(ChainRule.Goto(chain, matches));
        }
    }

    // One rule for ports is quicker asked than one that leads to it.
    private void LeadPorts(ImmutableArray<ChainRule>.Builder rules, ImmutableArray<PortCells> cells, string protocol, int rest)
    {
        if (Leaf(MostCommon(cells), protocol) == rest && Exceptions(cells, protocol, rest) is { Length: 1 } only)
        {
            rules.AddRange(only);
        }
        else
        {
            Lead(rules, $"-p {protocol} ", Ports(cells, protocol, WaysFor(cells.Length)), rest);
        }
    }

    private void LeadIcmp(ImmutableArray<ChainRule>.Builder rules, int row, int rest)
    {
        if (family.IsIPv6)
        {
            int onLink = Icmp(runs.Of(row, PortTable.Icmp6OnLink));
            int routed = Icmp(runs.Of(row, PortTable.Icmp6));
            if (onLink != routed)
            {
                // Also where it leads to the rest: the rule behind it is for every hop limit.
                rules.Add(ChainRule.Goto(onLink, "-p ipv6-icmp -m hl --hl-eq 255 "));
            }

            Lead(rules, "-p ipv6-icmp ", routed, rest);
            Lead(rules, "-p icmp ", Strictest(runs.Of(row, PortTable.Icmp)), rest);
        }
        else
        {
            Lead(rules, "-p icmp ", Icmp(runs.Of(row, PortTable.Icmp)), rest);
            Lead(rules, "-p ipv6-icmp ", Strictest(runs.Of(row, PortTable.Icmp6)), rest);
        }
    }

    // How many ways there are at each step that the last one has no more cells than it has room for.
    private static int WaysFor(int cells)
    {
        int ways = Branches;
        while (Branches * Math.Pow(ways, MostSteps - 1) < cells)
        {
            ways++;
        }

        return ways;
    }

    // Few enough ports stand in one chain, the most common outcome last; more of them are a tree.
    private int Ports(ImmutableArray<PortCells> cells, string protocol, int ways)
    {
        int rest = Leaf(MostCommon(cells), protocol);
        if (cells.Length <= MultiportSlots && Exceptions(cells, protocol, rest) is { Length: <= Branches } few)
        {
            return book.Add([.. few, ChainRule.Goto(rest)]);
        }

        ImmutableArray<ImmutableArray<PortCells>> parts = [.. cells.Chunk((cells.Length + ways - 1) / ways).Select(part => part.ToImmutableArray())];
        return book.Add(
            [
                .. parts[..^1].Select(part => ChainRule.Goto(Ports(part, protocol, ways), $"-p {protocol} -m {protocol} {_port} {RangeText(part[0].First, part[^1].Last)} ")),
                ChainRule.Goto(Ports(parts[^1], protocol, ways)),
            ]
        );
    }

    /// <summary>The rules for all ports that lead elsewhere than the rest does.</summary>
    private ImmutableArray<ChainRule> Exceptions(ImmutableArray<PortCells> cells, string protocol, int rest) =>
        [
            .. cells
                .Select(run => (Chain: Leaf(run.Cell, protocol), Range: RangeText(run.First, run.Last)))
                .Where(run => run.Chain != rest)
                .GroupBy(one => one.Chain)
                .SelectMany(one => Match(one, protocol)),
        ];

    private IEnumerable<ChainRule> Match(IGrouping<int, (int Chain, string Range)> group, string protocol)
    {
        string[] ranges = [.. group.Select(one => one.Range)];
        if (ranges.Length == 1)
        {
            return [ChainRule.Goto(group.Key, $"-p {protocol} -m {protocol} {_port} {ranges[0]} ")];
        }

        // A range takes two of the slots.
        return ranges.Chunk(MultiportSlots / 2).Select(part => ChainRule.Goto(group.Key, $"-p {protocol} -m multiport {_port}s {string.Join(',', part)} "));
    }

    private static string RangeText(int first, int last) => first == last ? Text(first) : $"{Text(first)}:{Text(last)}";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    // To ICMP's match type 255 stands for every type (net/ipv4/netfilter/ip_tables.c), so what such packets get is what the rest gets. It is
    // reserved (RFC 2939).
    private int Icmp(ImmutableArray<PortCells> cells)
    {
        int rest = leaves.Of(cells[^1].Cell);
        var rules = ImmutableArray.CreateBuilder<ChainRule>();
        foreach (PortCells run in cells)
        {
            for (int type = run.First >> 8; type <= run.Last >> 8 && (family.IsIPv6 || type < byte.MaxValue); type++)
            {
                int firstCode = type == run.First >> 8 ? run.First & 0xff : 0;
                int lastCode = type == run.Last >> 8 ? run.Last & 0xff : byte.MaxValue;
                bool isWhole = firstCode == 0 && lastCode == byte.MaxValue;
                foreach (int? code in isWhole ? [null] : Enumerable.Range(firstCode, lastCode - firstCode + 1).Select(code => (int?)code))
                {
                    Lead(rules, family.IcmpType(type, code), leaves.Of(run.Cell), rest);
                }
            }
        }

        return book.Add([.. rules, ChainRule.Goto(rest)]);
    }

    // A reply has the code of the request that it answers.
    private int EchoReplies(ImmutableArray<PortCells> cells)
    {
        int first = family.EchoRequest << 8;
        PortCells[] echoes = [.. cells.Where(run => run.Last >= first && run.First <= first + byte.MaxValue)];
        var rules = ImmutableArray.CreateBuilder<ChainRule>();
        foreach (PortCells run in echoes[..^1])
        {
            for (int kind = Math.Max(run.First, first); kind <= run.Last; kind++)
            {
                rules.Add(ChainRule.Goto(Leaf(run.Cell), family.IcmpType(family.EchoReply, kind & 0xff)));
            }
        }

        return book.Add([.. rules, ChainRule.Goto(Leaf(echoes[^1].Cell))]);
    }

    // ICMP of the other family has no type that a match could read, and no stack that would: any Reject decides for all.
    private int Strictest(ImmutableArray<PortCells> cells) =>
        leaves.Of(cells.Select(run => run.Cell).FirstOrDefault(leaves.IsRejected, cells[0].Cell));

    private static int MostCommon(ImmutableArray<PortCells> cells) =>
        cells.GroupBy(run => run.Cell).MaxBy(one => one.Sum(run => run.Count))!.Key;
}
