using System.Collections.Immutable;
using Datapath.Agent.Metrics;
using Datapath.Backends;
using Datapath.Policy.Compilation;
using Xunit;

namespace Datapath.Tests.Agent.Metrics;

public sealed class RuleSeriesTests
{
    [Fact]
    public void All_rules_have_series_while_they_are_few()
    {
        ListedRules listed = new RuleSeries(3).Choose(Rules(1, 2, 7), Counts((2, 10)));
        Assert.Equal([("r1", 0), ("r2", 10), ("r7", 0)], Named(listed));
        Assert.Equal(0, listed.Unlisted);
    }

    [Fact]
    public void Of_too_many_those_have_series_that_count_and_they_keep_them()
    {
        RuleSeries series = new(2);
        ImmutableArray<(int, RuleIdentity)> rules = Rules(1, 2, 3, 4);
        Assert.Equal([("r3", 5)], Named(series.Choose(rules, Counts((3, 5)))));
        ListedRules later = series.Choose(rules, Counts((1, 900), (2, 1000), (3, 6), (4, 950)));
        Assert.Equal([("r2", 1000), ("r3", 6)], Named(later));
        Assert.Equal(2, later.Unlisted);

        // The place of one that is not in force any more is given away.
        Assert.Equal([("r3", 6), ("r4", 950)], Named(series.Choose(Rules(1, 3, 4), Counts((1, 900), (3, 6), (4, 950)))));
    }

    [Fact]
    public void A_policy_that_outgrows_the_limit_loses_series_and_never_passes_it()
    {
        RuleSeries series = new(2);
        Assert.Equal(2, series.Choose(Rules(1, 2), Counts()).Rules.Length);
        ListedRules grown = series.Choose(Rules(1, 2, 3), Counts((1, 1), (2, 1), (3, 1)));
        Assert.Equal((2, 1), (grown.Rules.Length, grown.Unlisted));
        Assert.Empty(new RuleSeries(0).Choose(Rules(1), Counts((1, 1))).Rules);
    }

    private static ImmutableArray<(int, RuleIdentity)> Rules(params int[] numbers) =>
        [.. numbers.Select(number => (number, new RuleIdentity(RuleKind.Ruleset, "/", $"r{number}", Direction.Incoming, 1, "")))];

    private static ImmutableDictionary<int, PacketCount> Counts(params (int Rule, long Packets)[] counts) =>
        counts.ToImmutableDictionary(one => one.Rule, one => new PacketCount(one.Packets, one.Packets * 100));

    private static (string, long)[] Named(ListedRules listed) => [.. listed.Rules.Select(one => (one.Rule.Ruleset, one.Count.Packets))];
}
