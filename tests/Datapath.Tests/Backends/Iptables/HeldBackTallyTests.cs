using Datapath.Backends.Iptables;
using Datapath.Backends.Iptables.Kernel;
using Xunit;

namespace Datapath.Tests.Backends.Iptables;

/// <summary>Events of drops that never were sent, from what rules count.</summary>
public sealed class HeldBackTallyTests
{
    private static readonly ObjectNames Names = new("default");

    [Fact]
    public void What_the_limit_of_a_drop_held_back_is_told_and_nothing_else()
    {
        string text = $"""
            *mangle
            [7:420] -A {Names.Chain(1, "c1")} -m limit --limit 5/sec -j NFLOG --nflog-prefix "dp:1:1" --nflog-group 7
            [10:600] -A {Names.Chain(1, "c1")} -m comment --comment r3 -j DROP
            [2:120] -A {Names.Chain(1, "c2")} -m limit --limit 5/sec -j NFLOG --nflog-prefix "dp:1:0" --nflog-group 7
            [9:540] -A {Names.Chain(1, "c2")} -j CONNMARK --set-xmark 0x40000000/0x60000000
            [4:240] -A {Names.Chain(1, "c3")} -m comment --comment r4 -j DROP
            [5:300] -A {Names.Chain(1, "c4")} -j NFLOG --nflog-prefix "dp:1:2" --nflog-group 7
            [4:240] -A {Names.Chain(1, "c4")} -m comment --comment r5 -j DROP
            [1:60] -A foreign -j NFLOG
            [9:540] -A foreign -j DROP
            COMMIT
            """;
        Assert.Equal([(Names.Chain(1, "c1"), 3)], HeldBackTally.Of(SavedTable.Parse(text).Rules, Names));
    }

    [Fact]
    public void The_sum_only_grows_whatever_becomes_of_chains()
    {
        HeldBackTally tally = new();
        Assert.Equal(3, tally.Add([("a", 1), ("a", 2)]));
        Assert.Equal(8, tally.Add([("a", 4), ("b", 4)]));
        // Another policy: its chains begin at zero.
        Assert.Equal(9, tally.Add([("c", 1)]));
        Assert.Equal(9, tally.Add([]));
        Assert.Equal(29, tally.Add([("c", 20)]));
    }
}
