using System.Net;
using Datapath.Backends.Host;
using Datapath.Interop.Netlink;
using Xunit;

namespace Datapath.Tests.Backends.Host;

public sealed class LocalNetworksTests
{
    private static readonly RoutingRule[] UsualRules = [Rule(255), Rule(254), Rule(253)];

    [Fact]
    public void Routes_of_all_kinds_count_in_the_tables_that_every_packet_meets() =>
        Assert.Equal(
            ["10.0.0.1/32", "10.0.0.255/32", "10.9.0.0/16", "2001:db8::/128"],
            Of(
                UsualRules,
                Route("10.0.0.1/32", 255),
                Route("10.0.0.255/32", 255, RouteKind.Broadcast),
                Route("2001:db8::/128", 255, RouteKind.Anycast),
                Route("10.9.0.0/16", 254)
            )
        );

    [Fact]
    public void A_table_that_no_rule_names_is_met_by_nobody() => Assert.Empty(Of(UsualRules, Route("0.0.0.0/0", 100)));

    [Fact]
    public void A_table_for_marked_packets_alone_does_not_count() =>
        Assert.Equal(["10.9.0.0/16"], Of([.. UsualRules, Rule(100) with { NeedsMark = true }], Route("0.0.0.0/0", 100), Route("10.9.0.0/16", 255)));

    [Fact]
    public void A_table_for_marked_and_other_packets_counts() =>
        Assert.Equal(["0.0.0.0/0"], Of([.. UsualRules, Rule(100) with { NeedsMark = true }, Rule(100)], Route("0.0.0.0/0", 100)));

    [Fact]
    public void With_virtual_routers_the_tables_count_that_no_rule_names() =>
        Assert.Equal(
            ["10.7.0.1/32"],
            Of(
                [.. UsualRules, Rule(0) with { IsOfVirtualRouters = true }, Rule(100) with { NeedsMark = true }],
                Route("10.7.0.1/32", 10),
                Route("0.0.0.0/0", 100)
            )
        );

    [Fact]
    public void A_kernel_without_rules_has_the_local_table() => Assert.Equal(["10.0.0.1/32"], Of([], Route("10.0.0.1/32", 255), Route("10.0.0.1/32", 255)));

    private static string[] Of(RoutingRule[] rules, params NetworkRoute[] routes) => [.. LocalNetworks.Of(routes, rules).Select(network => network.ToString())];

    private static NetworkRoute Route(string network, uint table, RouteKind kind = RouteKind.Local) => new(IPNetwork.Parse(network), kind, table);

    private static RoutingRule Rule(uint table) => new(table, NeedsMark: false, IsOfVirtualRouters: false);
}
