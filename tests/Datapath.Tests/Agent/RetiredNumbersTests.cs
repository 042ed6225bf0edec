using Datapath.Agent.Loops;
using Datapath.Policy.Compilation;
using Xunit;

namespace Datapath.Tests.Agent;

public sealed class RetiredNumbersTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly RuleKey[] Rules = [Key("a"), Key("b"), Key("c")];
    private static readonly UnitKey[] Units = [new("/", "web", 0), new("/", "db", 0)];

    [Fact]
    public void A_number_is_due_after_its_quarantine_and_not_before()
    {
        RetiredNumbers retired = RetiredNumbers.None.After(Without(first: 1), Start);
        Assert.Empty(retired.RulesDue(Start + RetiredNumbers.Quarantine));
        Assert.Equal([1], retired.RulesDue(Start + RetiredNumbers.Quarantine + TimeSpan.FromSeconds(1)));
        Assert.Equal([2], retired.UnitsDue(Start + RetiredNumbers.Quarantine + TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public void Each_number_has_the_time_of_the_first_apply_without_it()
    {
        RetiredNumbers retired = RetiredNumbers.None.After(Without(first: 1), Start).After(Without(first: 2), Start + TimeSpan.FromDays(1));
        Assert.Equal([1], retired.RulesDue(Start + TimeSpan.FromDays(6.5)));
        Assert.Equal([1, 2], retired.RulesDue(Start + TimeSpan.FromDays(7.5)));
    }

    [Fact]
    public void A_number_that_came_back_into_use_begins_its_quarantine_again()
    {
        RetiredNumbers retired = RetiredNumbers.None.After(Without(first: 1), Start).StillIn(Without(first: 0)).After(Without(first: 1), Start + TimeSpan.FromDays(1));
        Assert.Empty(retired.RulesDue(Start + TimeSpan.FromDays(6.5)));
    }

    [Fact]
    public void Times_survive_as_text()
    {
        RetiredNumbers retired = RetiredNumbers.None.After(Without(first: 2), Start);
        Assert.Equal("datapath retired numbers 1\nrule 1 1767225600\nrule 2 1767225600\nunit 2 1767225600\n", retired.Print());
        Assert.Equal(retired.Print(), RetiredNumbers.Parse(retired.Print()).Print());
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("something else\nrule 1 0\n", "")]
    [InlineData("datapath retired numbers 1\nrule 1\nrule x 5\nrule 2 99999999999999\nrule 3 60\n", "rule 3 60\n")]
    public void What_cannot_be_read_is_not_known(string text, string known) =>
        Assert.Equal($"datapath retired numbers 1\n{known}", RetiredNumbers.Parse(text).Print());

    /// <summary>Numbers 1 to 3 of which so many are out of use, and unit 2 with them.</summary>
    private static RuleIndexes Without(int first) =>
        RuleIndexes.Empty.AllocateRules(Rules, out _).AllocateUnits(Units, out _).AllocateRules(Rules[first..], out _).AllocateUnits(Units[Math.Min(first, 1)..], out _);

    private static RuleKey Key(string name) => new(new RuleIdentity(RuleKind.Ruleset, "/", name, Direction.Incoming, 1, ""), 1);
}
