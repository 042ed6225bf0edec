using System.Collections.Immutable;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>The rules that nobody writes: what IPv6 cannot live without.</summary>
internal static class BuiltInRules
{
    /// <summary>
    /// ICMPv6 types whose messages are good only with hop limit 255, so that none comes from beyond a router
    /// (RFC 4861, sections 6.1 and 7.1; RFC 3122, section 4).
    /// </summary>
    private static readonly ImmutableArray<(int Type, string Name)> OnLink =
        [
            (133, "router-solicitation"),
            (134, "router-advertisement"),
            (135, "neighbour-solicitation"),
            (136, "neighbour-advertisement"),
            (141, "inverse-neighbour-solicitation"),
            (142, "inverse-neighbour-advertisement"),
        ];

    /// <summary>Multicast listener discovery, sent with hop limit 1 (RFC 2710, section 3; RFC 3810, section 5).</summary>
    private static readonly ImmutableArray<(int Type, string Name)> AnyHopLimit =
        [
            (130, "multicast-listener-query"),
            (131, "multicast-listener-report"),
            (132, "multicast-listener-done"),
            (143, "multicast-listener-report-v2"),
        ];

    /// <summary>The allowances of one direction; each is for code 0 of its type.</summary>
    public static ImmutableArray<PreparedRule> Prepare(Direction direction, RuleCatalog catalog, PortLists ports) =>
        [
            .. OnLink.Select(one => Prepare(one, [PortTable.Icmp6OnLink], direction, catalog, ports)),
            .. AnyHopLimit.Select(one => Prepare(one, [PortTable.Icmp6, PortTable.Icmp6OnLink], direction, catalog, ports)),
        ];

    /// <summary>The rule for peers of excluded networks: their packets pass untouched and unreported.</summary>
    public static PreparedRule Excluded(Direction direction, RuleCatalog catalog) =>
        new(Number("excluded", direction, catalog), PeerAtoms.Excluded, PortLists.Any, Rank: 0);

    private static PreparedRule Prepare(
        (int Type, string Name) message,
        PortTable[] tables,
        Direction direction,
        RuleCatalog catalog,
        PortLists ports
    ) => new(Number(message.Name, direction, catalog), PreparedRule.Everybody, ports.Number(tables, (ushort)(message.Type << 8)), Rank: 0);

    private static int Number(string name, Direction direction, RuleCatalog catalog) =>
        catalog.Number(new RuleIdentity(RuleKind.BuiltIn, "", name, direction, 0, ""), 0, Verdict.Allow, DescriptorFlags.BuiltIn);
}
