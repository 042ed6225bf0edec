using Datapath.Policy.Compilation;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Support;
using Xunit;
using static Datapath.Tests.Support.Written;

namespace Datapath.Tests.Policy.Evaluation;

/// <summary>The verdict vectors of specification b.10, by number; defaults are Reject unless a vector says otherwise.</summary>
public sealed class VectorTests
{
    private static readonly ProcessingUnit Web = Unit("web", "app=web", "10.200.0.1").On("veth0");

    [Theory]
    [InlineData("10.1.1.1", Verdict.Reject)]
    [InlineData("11.1.1.1", Verdict.Allow)]
    public void Vector_1_a_broad_reject_defeats_an_allow_of_everybody(string peer, Verdict expected)
    {
        Judgement judgement = Outgoing(Web, Allow("externalnetwork:name=all", "tcp/80"), Reject("externalnetwork:name=ten", "any"))
            .Outgoing("web", peer, "tcp/80");
        Assert.Equal(expected, judgement.Verdict);
    }

    [Theory]
    [InlineData("tcp/22", Verdict.Reject)]
    [InlineData("tcp/80", Verdict.Allow)]
    public void Vector_2_a_reject_defeats_a_longer_prefix_that_allows(string port, Verdict expected)
    {
        Judgement judgement = Outgoing(Web, Reject("externalnetwork:name=ten", "tcp/22"), Allow("externalnetwork:name=one", "any"))
            .Outgoing("web", "10.1.1.1", port);
        Assert.Equal(expected, judgement.Verdict);
    }

    [Fact]
    public void Vector_3_the_destination_needs_an_allow_of_its_own()
    {
        ProcessingUnit database = Unit("db", "app=db", "10.200.0.2").On("veth1");
        Scenario scenario = Scenario.Of(Web, database, Ruleset("out", "app=web") with { OutgoingRules = [Allow("app=db", "tcp/5432")] });
        Judgement source = scenario.Outgoing("web", "10.200.0.2", "tcp/5432");
        Judgement destination = scenario.Incoming("db", "10.200.0.1", "tcp/5432");
        Assert.Equal((Verdict.Allow, RuleKind.Ruleset), (source.Verdict, source.Rule.Kind));
        Assert.Equal((Verdict.Reject, RuleKind.Default), (destination.Verdict, destination.Rule.Kind));
    }

    [Fact]
    public void Vector_4_without_rules_the_default_allows_and_is_named()
    {
        Scenario scenario = Scenario.Of(Web, Root(DefaultAction.Allow));
        Judgement judgement = scenario.Incoming("web", "8.8.8.8", "gre");
        Assert.Equal(Verdict.Allow, judgement.Verdict);
        Assert.Equal(new RuleIdentity(RuleKind.Default, "/", "default", Direction.Incoming, 0, ""), judgement.Rule);
        Assert.Equal(DescriptorFlags.Default | DescriptorFlags.Log, judgement.Flags);
    }

    [Fact]
    public void Vector_5_an_observed_reject_reports_and_decides_nothing()
    {
        NetworkRule observed = Reject("externalnetwork:name=all") with { ObservationEnabled = true };
        Scenario scenario = Outgoing(Web, observed);
        scenario = scenario with { Objects = scenario.Objects.Add(Root(DefaultAction.Allow)) };
        Judgement judgement = scenario.Outgoing("web", "8.8.8.8", "tcp/80");
        Assert.Equal((Verdict.Allow, RuleKind.Default), (judgement.Verdict, judgement.Rule.Kind));
        Assert.Equal((Verdict.Reject, "out"), (judgement.ObservedVerdict, judgement.Observed?.Ruleset));
    }

    [Fact]
    public void Vector_6_an_allow_without_logs_is_not_reported()
    {
        Judgement judgement = Outgoing(Web, Allow("externalnetwork:name=all") with { LogsDisabled = true })
            .Outgoing("web", "8.8.8.8", "tcp/80");
        Assert.Equal((Verdict.Allow, DescriptorFlags.None), (judgement.Verdict, judgement.Flags));
    }

    [Theory]
    [InlineData("10.2.3.4", RuleKind.Default)]
    [InlineData("9.255.255.255", RuleKind.Ruleset)]
    [InlineData("11.0.0.0", RuleKind.Ruleset)]
    [InlineData("8.8.8.8", RuleKind.Ruleset)]
    public void Vector_7_an_address_in_a_hole_is_no_member(string peer, RuleKind expected)
    {
        Scenario scenario = Scenario.Of(
            Web,
            Network("holed", "0.0.0.0/0", "!10.0.0.0/8"),
            Ruleset("out", "app=web") with { OutgoingRules = [Allow("externalnetwork:name=holed", "any")] }
        );
        Assert.Equal(expected, scenario.Outgoing("web", peer, "tcp/80").Rule.Kind);
    }

    [Theory]
    [InlineData("10.9.1.1", "tcp/443", RuleKind.Default, Verdict.Reject)]
    [InlineData("10.1.1.1", "tcp/443", RuleKind.Ruleset, Verdict.Allow)]
    [InlineData("10.1.1.1", "tcp/80", RuleKind.Ruleset, Verdict.Reject)]
    [InlineData("10.9.1.1", "tcp/80", RuleKind.Ruleset, Verdict.Reject)]
    public void Vector_8_a_hole_of_one_network_is_not_a_hole_of_another(string peer, string port, RuleKind kind, Verdict verdict)
    {
        Scenario scenario = Scenario.Of(
            Web,
            Network("a", "10.0.0.0/8"),
            Network("b", "10.0.0.0/8", "!10.9.0.0/16"),
            Ruleset("out", "app=web") with
            {
                OutgoingRules = [Reject("externalnetwork:name=a", "tcp/80"), Allow("externalnetwork:name=b", "any")],
            }
        );
        Judgement judgement = scenario.Outgoing("web", peer, port);
        Assert.Equal((kind, verdict), (judgement.Rule.Kind, judgement.Verdict));
    }

    [Theory]
    [InlineData(true, Verdict.Reject)]
    [InlineData(false, Verdict.Allow)]
    public void Vector_9_a_parents_reject_counts_when_it_propagates(bool propagate, Verdict expected)
    {
        Scenario scenario = Scenario.Of(
            Web with
            {
                Namespace = "/parent/child",
            },
            Network("x", "10.0.0.0/8") with
            {
                Namespace = "/parent",
                Propagate = true,
            },
            Ruleset("above", "app=web") with
            {
                Namespace = "/parent",
                Propagate = propagate,
                OutgoingRules = [Reject("externalnetwork:name=x", "any")],
            },
            Ruleset("below", "app=web") with
            {
                Namespace = "/parent/child",
                OutgoingRules = [Allow("externalnetwork:name=x", "any")],
            }
        );
        Assert.Equal(expected, scenario.Outgoing("web", "10.1.1.1", "tcp/80").Verdict);
    }

    [Theory]
    [InlineData("app=b", RuleKind.Default)]
    [InlineData("app=a", RuleKind.Ruleset)]
    [InlineData("app=b env=p", RuleKind.Ruleset)]
    [InlineData("app=b app=c", RuleKind.Default)]
    public void Vector_10_a_clause_needs_all_its_tags(string tags, RuleKind expected)
    {
        Scenario scenario = Scenario.Of(
            Unit("one", tags, "10.200.0.3").On("veth2"),
            Root(DefaultAction.Reject) with
            {
                TagPrefixes = ["env="],
            },
            Network("all", "0.0.0.0/0"),
            Ruleset("out", "app=a | app=b & env=p") with { OutgoingRules = [Allow("externalnetwork:name=all")] }
        );
        Assert.Equal(expected, scenario.Outgoing("one", "8.8.8.8", "tcp/80").Rule.Kind);
    }

    private static NamespaceDefinition Root(DefaultAction action) =>
        new()
        {
            At = At(),
            Name = "/",
            DefaultIncoming = action,
            DefaultOutgoing = action,
        };

    private static Scenario Outgoing(ProcessingUnit unit, params NetworkRule[] rules) =>
        Scenario.Of(
            unit,
            Network("all", "0.0.0.0/0"),
            Network("ten", "10.0.0.0/8"),
            Network("one", "10.1.1.1/32"),
            Ruleset("out", "app=web") with { OutgoingRules = [.. rules] }
        );
}
