using Datapath.Backends;
using Datapath.Backends.Iptables;
using Datapath.Backends.Iptables.Kernel;
using Xunit;

namespace Datapath.Tests.Backends.Iptables;

/// <summary>Whom the rules of chains count for.</summary>
public sealed class CountedRulesTests
{
    private static readonly ObjectNames Names = new("default");

    [Fact]
    public void A_rule_counts_for_its_own_comment_or_for_that_of_the_rule_before_it()
    {
        string own = Names.Chains;
        SavedTable table = SavedTable.Parse(
            $"""
            *mangle
            [9:90] -A PREROUTING -j {own}1.pre
            [5:50] -A {own}1.7 -m conntrack --ctstate NEW -m comment --comment c12 -j {own}1.6
            [8:80] -A {own}1.7 -j MARK --set-xmark 0x0/0x1f0000
            [7:70] -A {own}1.8 -j MARK --set-xmark 0x0/0x1f0000
            [4:40] -A {own}1.9 -p tcp -m tcp --tcp-flags SYN,ACK SYN -m conntrack --ctdir ORIGINAL -m comment --comment "c13" -j {own}1.6
            [6:60] -A {own}1.9 -j MARK --set-xmark 0x0/0x1f0000
            [1:10] -A {own}1.9 -j RETURN
            [3:30] -A {own}1.10 -m comment --comment r14 -j DROP
            [2:20] -A {own}1.11 -m comment --comment p14 -j MARK --set-xmark 0x0/0x1f0000
            [0:0] -A {own}1.12 -m comment --comment r15 -j DROP
            [1:10] -A {own}1.13 -i web0 -m comment --comment u2 -j {own}1.7
            """
        );
        Assert.Equal(
            [
                new RuleCount(12, new PacketCount(8, 80), IsPaused: false),
                new RuleCount(13, new PacketCount(6, 60), IsPaused: false),
                new RuleCount(14, new PacketCount(3, 30), IsPaused: false),
                new RuleCount(14, new PacketCount(2, 20), IsPaused: true),
            ],
            CountedRules.Of(table.Rules, Names, _ => true)
        );
        Assert.Equal([14], CountedRules.Of(table.Rules, Names, chain => chain.EndsWith(".10", StringComparison.Ordinal)).Select(one => one.Rule));
    }
}
