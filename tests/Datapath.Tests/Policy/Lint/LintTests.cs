using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Inventory;
using Datapath.Policy.Lint;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Policy.Rulesets;
using Datapath.Tests.Support;
using Xunit;
using static Datapath.Tests.Support.Written;

namespace Datapath.Tests.Policy.Lint;

public sealed class LintTests
{
    public static TheoryData<string> Cases => Corpus.Cases("lint");

    [Theory, MemberData(nameof(Cases))]
    public void Says_what_is_legal_and_surely_wrong(string name) =>
        Golden.AssertMatches(Corpus.PathOf("lint", name, "lint.txt"), Text(Lint(name)));

    [Fact]
    public void Every_code_occurs_and_codes_rise()
    {
        string[] codes = [.. LintDiagnostics.All.Select(code => code.Id)];
        Assert.Equal(codes.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal), codes);
        // A policy that is too large is no file: CompiledShapeTests makes one.
        IEnumerable<string> said = Cases.SelectMany(row => Lint(row.Data)).Select(one => one.Code).Append(LintDiagnostics.NotLookedAt.Id);
        Assert.Empty(codes.Except(said));
    }

    [Fact]
    public void Warnings_are_sentences_with_a_place_and_a_way_out() =>
        Assert.All(
            Cases.SelectMany(row => Lint(row.Data)),
            one =>
            {
                Assert.Equal(DiagnosticSeverity.Warning, one.Severity);
                Assert.False(one.Message.EndsWith('.') || char.IsUpper(one.Message[0]), one.Message);
                Assert.True(one.At.Line > 0 && !string.IsNullOrEmpty(one.Help), one.Message);
            }
        );

    [Fact]
    public void A_failsafe_port_is_a_way_in_and_an_enforcing_policy_without_one_is_not()
    {
        Assert.DoesNotContain("DP3141", Codes([], new PolicyOptions { RootDefault = DefaultAction.Reject }));
        Assert.Contains("DP3141", Codes([], new PolicyOptions { RootDefault = DefaultAction.Reject, Failsafe = [] }));
        WrittenObject[] allowed =
        [
            Network("admins", "192.0.2.7/32"),
            Ruleset("ssh", "$type=Host") with { IncomingRules = [Allow("externalnetwork:name=admins", "tcp/22")] },
        ];
        Assert.Empty(Codes(allowed, new PolicyOptions { RootDefault = DefaultAction.Reject, Failsafe = [] }));
    }

    [Fact]
    public void An_explicit_Reject_of_the_other_side_is_no_oversight()
    {
        WrittenObject[] units = [Unit("web", "app=web", "10.0.0.1"), Unit("db", "app=db", "10.0.0.2")];
        NetworkRuleset asks = Ruleset("web", "app=web") with { OutgoingRules = [Allow("app=db", "tcp/1")] };
        NetworkRuleset refuses = Ruleset("db", "app=db") with { IncomingRules = [Reject("app=web", "tcp/1")] };
        var enforcing = new PolicyOptions { RootDefault = DefaultAction.Reject };
        Assert.Equal(["DP3122"], Codes([.. units, asks], enforcing));
        Assert.Empty(Codes([.. units, asks, refuses], enforcing));
        Assert.Empty(Codes([.. units, asks], new PolicyOptions()));
    }

    [Fact]
    public void A_rule_shadowed_for_one_of_its_units_only_is_not_reported()
    {
        WrittenObject[] objects =
        [
            Unit("one", "app=a", "10.0.0.1"),
            Unit("two", "app=a app:host:type=vm", "10.0.0.2"),
            Network("n", "192.0.2.0/24"),
            Ruleset("allow", "app=a") with { IncomingRules = [Allow("externalnetwork:name=n", "tcp/80")] },
        ];
        NetworkRuleset reject = Ruleset("reject", "app:host:type=vm") with { IncomingRules = [Reject("externalnetwork:name=n")] };
        Assert.Empty(Codes([.. objects, reject], new PolicyOptions()));
        Assert.Equal(["DP3121"], Codes([.. objects, reject with { Subject = Tags("app=a") }], new PolicyOptions()));
    }

    // A recorded file is never empty.
    private static string Text(ImmutableArray<Diagnostic> found) => found.IsEmpty ? "nothing\n" : DiagnosticText.Render(found);

    private static string[] Codes(WrittenObject[] objects, PolicyOptions options) =>
        [.. PolicyLint.Check(Scenario.Of(objects).Policy, HostInventory.Unknown, options).Select(one => one.Code).Distinct(StringComparer.Ordinal)];

    private static ImmutableArray<Diagnostic> Lint(string name) =>
        PolicyLint.Check(Read.Clean(PolicyReader.ReadAll(Corpus.PolicyFiles("lint", name))), HostInventory.Unknown, new PolicyOptions());
}
