using Datapath.Policy.Compilation;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Support;
using Xunit;
using static Datapath.Tests.Support.Written;

namespace Datapath.Tests.Policy.Compilation;

/// <summary>A number keeps its meaning while anything in the kernel may carry it.</summary>
public sealed class RuleIndexTests
{
    private static readonly ProcessingUnit Web = Unit("web", "app=web", "10.0.0.1").On("veth0");
    private static readonly ExternalNetwork All = Network("all", "0.0.0.0/0");
    private static readonly NetworkRuleset First = Ruleset("first", "app=web") with { IncomingRules = [Allow("externalnetwork:name=all", "tcp/80")] };
    private static readonly NetworkRuleset Second = Ruleset("second", "app=web") with { IncomingRules = [Allow("externalnetwork:name=all", "tcp/81")] };

    [Fact]
    public void A_rule_keeps_its_index_when_another_comes_before_it()
    {
        PolicyCompilation before = Compile(RuleIndexes.Empty, Web, All, Second);
        PolicyCompilation after = Compile(before.Indexes, Web, All, First, Second);
        Assert.Equal(Index(before, "second"), Index(after, "second"));
        Assert.NotEqual(Index(after, "first"), Index(after, "second"));
    }

    [Fact]
    public void A_changed_rule_gets_another_index_and_the_old_one_retires()
    {
        PolicyCompilation before = Compile(RuleIndexes.Empty, Web, All, First);
        int old = Index(before, "first");
        PolicyCompilation after = Compile(before.Indexes, Web, All, First with { IncomingRules = [Allow("externalnetwork:name=all", "tcp/82")] });
        Assert.NotEqual(old, Index(after, "first"));
        Assert.Equal([old], after.Indexes.RetiredRules);
    }

    [Fact]
    public void A_retired_index_is_given_away_only_after_its_release()
    {
        PolicyCompilation both = Compile(RuleIndexes.Empty, Web, All, First);
        int old = Index(both, "first");
        RuleIndexes retired = Compile(both.Indexes, Web, All).Indexes;
        Assert.NotEqual(old, Index(Compile(retired, Web, All, Second), "second"));
        Assert.Equal(old, Index(Compile(retired.Release([old], []), Web, All, Second), "second"));
        Assert.Equal(old, Index(Compile(retired, Web, All, First), "first"));
    }

    [Fact]
    public void An_index_in_use_cannot_be_released()
    {
        PolicyCompilation compilation = Compile(RuleIndexes.Empty, Web, All, First);
        RuleIndexes released = compilation.Indexes.Release([Index(compilation, "first")], [2]);
        Assert.Equal(compilation.Indexes.Rules, released.Rules);
        Assert.Equal(compilation.Indexes.Units, released.Units);
    }

    [Fact]
    public void The_host_is_unit_1_and_the_number_of_a_departed_unit_waits()
    {
        ProcessingUnit database = Unit("db", "app=db", "10.0.0.2").On("veth1");
        PolicyCompilation before = Compile(RuleIndexes.Empty, Web, database);
        Assert.Equal([(1, "box"), (2, "web"), (3, "db")], before.Policy!.Units.Select(unit => (unit.Number, unit.Name)));
        PolicyCompilation after = Compile(before.Indexes, database, Unit("new", "", "10.0.0.3").On("veth2"));
        Assert.Equal([(1, "box"), (3, "db"), (4, "new")], after.Policy!.Units.Select(unit => (unit.Number, unit.Name)));
        Assert.Equal([2], after.Indexes.RetiredUnits);
    }

    [Fact]
    public void Two_units_of_one_name_have_two_numbers()
    {
        PolicyCompilation compilation = Compile(RuleIndexes.Empty, Web, Web with { Addresses = [], Attach = Web.On("veth9").Attach });
        Assert.Equal([1, 2, 3], compilation.Policy!.Units.Select(unit => unit.Number));
    }

    [Fact]
    public void Every_descriptor_names_a_listed_rule_and_none_is_0()
    {
        CompiledPolicy policy = Compile(RuleIndexes.Empty, Web, All, First, Second).Policy!;
        Assert.All(policy.Descriptors, one => Assert.Contains(policy.Rules, rule => rule.Index == one.RuleIndex && rule.Index > 0));
        Assert.Equal(policy.Rules.Length, policy.Rules.Select(rule => rule.Index).Distinct().Count());
    }

    [Fact]
    public void Indexes_survive_as_text()
    {
        NetworkRuleset odd = First with { Name = "a\tname\nwith % and ü", IncomingRules = [First.IncomingRules[0] with { Name = "x y" }] };
        RuleIndexes indexes = Compile(Compile(RuleIndexes.Empty, Web, All, First).Indexes, Web, All, odd).Indexes;
        RuleIndexReading reading = RuleIndexText.Parse(RuleIndexText.Print(indexes));
        Assert.Null(reading.Problem);
        Assert.Equal(indexes.Rules, reading.Indexes!.Rules);
        Assert.Equal(indexes.Units, reading.Indexes.Units);
        Assert.NotEmpty(indexes.RetiredRules);
        Assert.Equal(RuleIndexText.Print(indexes), RuleIndexText.Print(reading.Indexes));
    }

    [Theory]
    [InlineData("")]
    [InlineData("something else\n")]
    [InlineData("datapath rule indexes 1\nrule\tlive\n")]
    [InlineData("datapath rule indexes 1\nunit\tlive\t0\t0\t%2F\tweb\n")]
    [InlineData("datapath rule indexes 1\nunit\tgone\t2\t0\t%2F\tweb\n")]
    [InlineData("datapath rule indexes 1\nunit\tlive\t2\t0\t%2F\tweb\nunit\tlive\t2\t0\t%2F\tdb\n")]
    public void A_damaged_text_is_refused(string text)
    {
        RuleIndexReading reading = RuleIndexText.Parse(text);
        Assert.Null(reading.Indexes);
        Assert.NotNull(reading.Problem);
    }

    private static int Index(PolicyCompilation compilation, string ruleset) =>
        compilation.Policy!.Rules.Single(rule => rule.Rule.Ruleset == ruleset).Index;

    private static PolicyCompilation Compile(RuleIndexes indexes, params WrittenObject[] objects) =>
        PolicyCompiler.Compile(Scenario.Of(objects).Resolve().Policy, indexes);
}
