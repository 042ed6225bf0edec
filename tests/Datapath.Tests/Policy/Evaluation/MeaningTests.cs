using System.Net;
using Datapath.Policy.Compilation;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Support;
using Xunit;
using static Datapath.Tests.Support.Written;

namespace Datapath.Tests.Policy.Evaluation;

/// <summary>What a policy means, a sentence a test; each asks the evaluator and the compiled tables.</summary>
public sealed class MeaningTests
{
    private static readonly ProcessingUnit Web = Unit("web", "app=web", "10.200.0.1", "fd00::1").On("veth0");
    private static readonly ProcessingUnit Database = Unit("db", "app=db", "10.200.0.2").On("veth1");
    private static readonly ExternalNetwork All = Network("all", "0.0.0.0/0");

    [Fact]
    public void Selectors_match_by_prefix_only_where_the_star_is_last()
    {
        Assert.Equal(Verdict.Allow, Facing("app=d*").Verdict);
        Assert.Equal(Verdict.Allow, Facing("app=*").Verdict);
        Assert.Equal(Verdict.Reject, Facing("app=*b").Verdict);
        Assert.Equal(Verdict.Reject, Facing("app=dbx*").Verdict);
    }

    [Fact]
    public void Namespaces_are_matched_with_and_without_what_lies_below()
    {
        Assert.Equal(Verdict.Allow, Facing("$namespace=/a/b", "/a/b").Verdict);
        Assert.Equal(Verdict.Reject, Facing("$namespace=/a/*", "/a").Verdict);
        Assert.Equal(Verdict.Allow, Facing("$namespace=/a/*", "/a/b").Verdict);
    }

    [Fact]
    public void A_tag_that_is_written_twice_does_not_satisfy_two_tags()
    {
        Scenario scenario = Scenario.Of(
            Web,
            Database with
            {
                AssociatedTags = ["app=db", "app=db"],
            },
            Ruleset("out", "app=web") with { OutgoingRules = [Allow("app=db & $type=Host")] }
        );
        Assert.Equal(Verdict.Reject, scenario.Outgoing("web", "10.200.0.2", "tcp/80").Verdict);
    }

    [Fact]
    public void Directions_are_apart()
    {
        Scenario scenario = Scenario.Of(Web, All, Ruleset("in", "app=web") with { IncomingRules = [Allow("externalnetwork:name=all")] });
        Assert.Equal(Verdict.Allow, scenario.Incoming("web", "8.8.8.8", "tcp/80").Verdict);
        Assert.Equal(Verdict.Reject, scenario.Outgoing("web", "8.8.8.8", "tcp/80").Verdict);
    }

    [Fact]
    public void A_managed_peer_is_not_allowed_by_a_network_that_contains_it()
    {
        Scenario scenario = Scenario.Of(Web, Database, All, Ruleset("out", "app=web") with { OutgoingRules = [Allow("externalnetwork:name=all")] });
        Assert.Equal(RuleKind.Default, scenario.Outgoing("web", "10.200.0.2", "tcp/80").Rule.Kind);
        Assert.Equal(RuleKind.Ruleset, scenario.Outgoing("web", "10.200.0.3", "tcp/80").Rule.Kind);
    }

    [Fact]
    public void A_managed_peer_is_rejected_by_a_network_that_contains_it()
    {
        Scenario scenario = Scenario.Of(
            Web,
            Database,
            All,
            Ruleset("out", "app=web") with { OutgoingRules = [Allow("app=db"), Reject("externalnetwork:name=all", "tcp/22")] }
        );
        Assert.Equal(Verdict.Reject, scenario.Outgoing("web", "10.200.0.2", "tcp/22").Verdict);
        Assert.Equal(Verdict.Allow, scenario.Outgoing("web", "10.200.0.2", "tcp/23").Verdict);
    }

    [Fact]
    public void A_unit_of_another_host_is_a_managed_peer_too()
    {
        Scenario scenario = Scenario.Of(
            Web,
            Unit("far", "app=db", "10.200.0.9"),
            All,
            Ruleset("out", "app=web") with { OutgoingRules = [Allow("externalnetwork:name=all", "tcp/80"), Allow("app=db", "tcp/5432")] }
        );
        Assert.Equal(Verdict.Reject, scenario.Outgoing("web", "10.200.0.9", "tcp/80").Verdict);
        Assert.Equal(Verdict.Allow, scenario.Outgoing("web", "10.200.0.9", "tcp/5432").Verdict);
    }

    [Fact]
    public void Outside_the_target_networks_a_network_may_allow_a_unit_and_its_tags_still_count()
    {
        Scenario scenario = Profiled(
            profile => profile with { TargetNetworks = [Entry("10.0.0.0/8"), Entry("!10.200.0.0/16")] },
            Ruleset("out", "app=web") with { OutgoingRules = [Allow("externalnetwork:name=all", "tcp/80"), Allow("app=db", "tcp/5432")] }
        );
        Assert.Equal(Verdict.Allow, scenario.Outgoing("web", "10.200.0.2", "tcp/80").Verdict);
        Assert.Equal(Verdict.Allow, scenario.Outgoing("web", "10.200.0.2", "tcp/5432").Verdict);
    }

    [Fact]
    public void Excluded_networks_pass_untouched_whatever_rejects_them()
    {
        Scenario scenario = Profiled(
            profile => profile with { ExcludedNetworks = [Entry("10.200.0.0/24"), Entry("!10.200.0.3")] },
            Ruleset("out", "app=web") with { OutgoingRules = [Reject("$identity=externalnetwork"), Reject("$identity=processingunit")] }
        );
        Judgement excluded = scenario.Outgoing("web", "10.200.0.2", "tcp/80");
        Assert.Equal((Verdict.Allow, "excluded", DescriptorFlags.BuiltIn), (excluded.Verdict, excluded.Rule.Ruleset, excluded.Flags));
        Assert.Equal(Verdict.Reject, scenario.Outgoing("web", "10.200.0.3", "tcp/80").Verdict);
    }

    [Fact]
    public void An_ignored_unit_is_not_judged_and_stays_a_peer()
    {
        Scenario scenario = Profiled(
            profile => profile with { IgnoreExpression = Tags("app=db") },
            Ruleset("out", "app=web") with { OutgoingRules = [Allow("app=db", "tcp/5432")] }
        );
        Assert.Equal(["box", "web"], scenario.Compile().Units.Select(unit => unit.Name));
        Assert.Equal(Verdict.Allow, scenario.Outgoing("web", "10.200.0.2", "tcp/5432").Verdict);
    }

    [Fact]
    public void A_unit_with_itself_is_local_whatever_rejects_it()
    {
        Scenario scenario = Scenario.Of(Web, Ruleset("out", "app=web") with { OutgoingRules = [Reject("$identity=processingunit")] });
        Assert.Equal(RuleKind.Local, scenario.Outgoing("web", "10.200.0.1", "tcp/80").Rule.Kind);
        Assert.Equal(RuleKind.Local, scenario.Incoming("web", "fd00::1", "tcp/80").Rule.Kind);
        Assert.Equal(RuleKind.Local, scenario.Incoming("", "192.0.2.1", "tcp/80").Rule.Kind);
    }

    [Fact]
    public void A_unit_with_itself_is_local_in_an_excluded_network_too()
    {
        Scenario scenario = Profiled(profile => profile with { ExcludedNetworks = [Entry("10.200.0.0/24")] }, Ruleset("none", "app=web"));
        Assert.Equal(RuleKind.Local, scenario.Outgoing("web", "10.200.0.1", "icmp6/135/0", isOnLink: true).Rule.Kind);
        Assert.Equal("excluded", scenario.Outgoing("web", "10.200.0.2", "icmp6/135/0", isOnLink: true).Rule.Ruleset);
    }

    [Fact]
    public void A_network_of_host_names_has_no_members_until_somebody_learns_them()
    {
        Scenario scenario = Scenario.Of(Web, Network("names", "www.example.com"), Ruleset("out", "app=web") with { OutgoingRules = [Allow("externalnetwork:name=names")] });
        Assert.Equal(RuleKind.Default, scenario.Outgoing("web", "8.8.8.8", "tcp/443").Rule.Kind);
    }

    [Fact]
    public void A_rule_without_ports_holds_for_every_protocol()
    {
        Scenario scenario = Scenario.Of(Web, All, Ruleset("out", "app=web") with { OutgoingRules = [Allow("externalnetwork:name=all")] });
        Assert.All((string[])["tcp/0", "udp/65535", "icmp/8/0", "gre"], port => Assert.Equal(RuleKind.Ruleset, scenario.Outgoing("web", "8.8.8.8", port).Rule.Kind));
    }

    [Fact]
    public void Units_of_any_namespace_may_be_named()
    {
        Scenario scenario = Scenario.Of(
            Web with { Namespace = "/a" },
            Database with { Namespace = "/b" },
            Ruleset("out", "app=web") with { Namespace = "/a", OutgoingRules = [Allow("app=db & $namespace=/b")] }
        );
        Assert.Equal(Verdict.Allow, scenario.Outgoing("web", "10.200.0.2", "tcp/5432").Verdict);
    }

    [Fact]
    public void A_tag_prefix_counts_in_the_rulesets_namespace_not_in_the_units()
    {
        NetworkRuleset ruleset = Ruleset("tiers", "role=front") with { Propagate = true, OutgoingRules = [Allow("externalnetwork:name=all")] };
        ProcessingUnit web = Unit("web", "role=front", "10.200.0.1").On("veth0") with { Namespace = "/a" };
        NamespaceDefinition prefixes = new() { At = At(), Name = "/a", TagPrefixes = ["role="] };
        Assert.Equal(Verdict.Reject, Scenario.Of(web, All, ruleset, prefixes).Outgoing("web", "8.8.8.8", "tcp/80").Verdict);
        Assert.Equal(Verdict.Allow, Scenario.Of(web, All, ruleset, prefixes with { Name = "/" }).Outgoing("web", "8.8.8.8", "tcp/80").Verdict);
    }

    [Fact]
    public void One_file_for_a_fleet_means_on_each_host_what_its_own_unit_says()
    {
        ProcessingUnit[] fleet = [Unit("front", "app=web", "192.0.2.1"), Unit("back", "app=db", "192.0.2.2")];
        NetworkRuleset ruleset = Ruleset("database", "app=db") with { IncomingRules = [Allow("app=web & $type=Docker", "tcp/5432")] };
        Scenario onFront = Scenario.Of([.. fleet, ruleset]);
        Scenario onBack = onFront with { Inventory = new("back", [IPAddress.Parse("192.0.2.2")], []) };
        Assert.Equal(Verdict.Reject, onFront.Incoming("", "192.0.2.2", "tcp/5432").Verdict);
        Assert.Equal(Verdict.Allow, onBack.Incoming("", "192.0.2.1", "tcp/5432").Verdict);
        Assert.Equal(RuleKind.Local, onBack.Incoming("", "192.0.2.2", "tcp/22").Rule.Kind);
    }

    [Fact]
    public void A_fallback_counts_only_where_no_other_ruleset_applies()
    {
        NetworkRuleset fallback = Ruleset("fallback", "$type=Docker") with
        {
            Fallback = true,
            OutgoingRules = [Allow("externalnetwork:name=all")],
        };
        NetworkRuleset ordinary = Ruleset("ordinary", "app=web") with { IncomingRules = [Allow("externalnetwork:name=all")] };
        Scenario scenario = Scenario.Of(Web, Database, All, fallback, ordinary);
        Assert.Equal(Verdict.Reject, scenario.Outgoing("web", "8.8.8.8", "tcp/80").Verdict);
        Assert.Equal(Verdict.Allow, scenario.Outgoing("db", "8.8.8.8", "tcp/80").Verdict);
    }

    [Fact]
    public void Disabled_and_archived_objects_are_absent()
    {
        NetworkRuleset allow = Ruleset("out", "app=web") with { OutgoingRules = [Allow("externalnetwork:name=all")] };
        Assert.Equal(Verdict.Reject, Scenario.Of(Web, All, allow with { Disabled = true }).Outgoing("web", "8.8.8.8", "tcp/80").Verdict);
        Assert.Equal(Verdict.Reject, Scenario.Of(Web, All with { Archived = true }, allow).Outgoing("web", "8.8.8.8", "tcp/80").Verdict);
        Scenario scenario = Scenario.Of(Web, Database with { Archived = true }, All, allow);
        Assert.Equal(Verdict.Allow, scenario.Outgoing("web", "10.200.0.2", "tcp/80").Verdict);
    }

    [Fact]
    public void A_network_of_a_sibling_or_a_child_cannot_be_named()
    {
        NetworkRuleset allow = Ruleset("out", "app=web") with { Namespace = "/a", Propagate = true, OutgoingRules = [Allow("externalnetwork:name=all")] };
        ProcessingUnit web = Web with { Namespace = "/a/b" };
        Assert.Equal(Verdict.Reject, Scenario.Of(web, allow, All with { Namespace = "/b", Propagate = true }).Outgoing("web", "8.8.8.8", "tcp/80").Verdict);
        Assert.Equal(Verdict.Reject, Scenario.Of(web, allow, All with { Namespace = "/a/b", Propagate = true }).Outgoing("web", "8.8.8.8", "tcp/80").Verdict);
        Assert.Equal(Verdict.Reject, Scenario.Of(web, allow, All with { Namespace = "/" }).Outgoing("web", "8.8.8.8", "tcp/80").Verdict);
        Assert.Equal(Verdict.Allow, Scenario.Of(web, allow, All with { Namespace = "/", Propagate = true }).Outgoing("web", "8.8.8.8", "tcp/80").Verdict);
    }

    [Fact]
    public void An_unlisted_tag_prefix_makes_the_ruleset_inactive_and_says_so()
    {
        NetworkRuleset ruleset = Ruleset("tiers", "role=front") with { Namespace = "/a/b", OutgoingRules = [Allow("externalnetwork:name=all")] };
        ProcessingUnit web = Unit("web", "role=front", "10.200.0.1").On("veth0") with { Namespace = "/a/b" };
        ExternalNetwork all = All with { Namespace = "/a/b" };
        Scenario unlisted = Scenario.Of(web, all, ruleset);
        Assert.Equal(Verdict.Reject, unlisted.Outgoing("web", "8.8.8.8", "tcp/80").Verdict);
        Assert.Equal(["DP2006"], unlisted.Resolve().Diagnostics.Select(one => one.Code));
        Assert.Equal(["tiers"], unlisted.Resolve().Policy.Inactive.Select(one => one.Name));
        Scenario listed = Scenario.Of(web, all, ruleset, new NamespaceDefinition { At = At(), Name = "/a", TagPrefixes = ["role="] });
        Assert.Equal(Verdict.Allow, listed.Outgoing("web", "8.8.8.8", "tcp/80").Verdict);
    }

    [Fact]
    public void Defaults_are_inherited_by_direction_and_name_who_set_them()
    {
        Scenario scenario = Scenario.Of(
            Web with
            {
                Namespace = "/a/b/c",
            },
            new NamespaceDefinition { At = At(), Name = "/a", DefaultIncoming = DefaultAction.Allow },
            new NamespaceDefinition { At = At(), Name = "b", Namespace = "/a", DefaultOutgoing = DefaultAction.Allow, DefaultIncoming = DefaultAction.Inherit }
        );
        Assert.Equal(("/a", Verdict.Allow), Brief(scenario.Incoming("web", "8.8.8.8", "udp/0")));
        Assert.Equal(("/a/b", Verdict.Allow), Brief(scenario.Outgoing("web", "8.8.8.8", "udp/0")));
        Assert.Equal(("/", Verdict.Reject), Brief(scenario.Incoming("", "8.8.8.8", "udp/0")));

        static (string, Verdict) Brief(Judgement one) => (one.Rule.Namespace, one.Verdict);
    }

    [Fact]
    public void A_root_without_any_setting_is_in_discovery_mode()
    {
        Scenario scenario = new() { Options = new PolicyOptions() };
        Assert.Equal((Verdict.Allow, RuleKind.Default), (scenario.Incoming("", "8.8.8.8", "gre").Verdict, scenario.Incoming("", "8.8.8.8", "gre").Rule.Kind));
    }

    [Fact]
    public void Failsafe_ports_replace_the_hosts_default_only()
    {
        Scenario scenario = Scenario.Of(Web, All, Ruleset("deny", "$type=Host") with { IncomingRules = [Reject("externalnetwork:name=all", "udp/68")] });
        scenario = scenario with { Options = scenario.Options with { Failsafe = FailsafePort.Defaults } };
        Assert.Equal((Verdict.Allow, "tcp/22"), (scenario.Incoming("", "8.8.8.8", "tcp/22").Verdict, scenario.Incoming("", "8.8.8.8", "tcp/22").Rule.Ruleset));
        Assert.Equal(Verdict.Reject, scenario.Incoming("", "8.8.8.8", "udp/68").Verdict);
        Assert.Equal(Verdict.Reject, scenario.Incoming("web", "8.8.8.8", "tcp/22").Verdict);
        Assert.Equal(Verdict.Reject, scenario.Outgoing("", "8.8.8.8", "tcp/22").Verdict);
        scenario = scenario with { Options = scenario.Options with { FailsafeBeatsReject = true } };
        Assert.Equal(RuleKind.Failsafe, scenario.Incoming("", "8.8.8.8", "udp/68").Rule.Kind);
    }

    [Fact]
    public void A_failsafe_port_of_a_network_is_for_that_network()
    {
        FailsafePort port = FailsafePort.Parse(Direction.Incoming, "tcp/22@10.0.0.0/8").Port!;
        Scenario scenario = new() { Options = new PolicyOptions { RootDefault = DefaultAction.Reject, Failsafe = [port] } };
        Assert.Equal(Verdict.Allow, scenario.Incoming("", "10.255.255.255", "tcp/22").Verdict);
        Assert.Equal(Verdict.Reject, scenario.Incoming("", "11.0.0.0", "tcp/22").Verdict);
    }

    [Theory]
    [InlineData("icmp6/135/0", true, RuleKind.BuiltIn)]
    [InlineData("icmp6/135/0", false, RuleKind.Ruleset)]
    [InlineData("icmp6/135/1", true, RuleKind.Ruleset)]
    [InlineData("icmp6/143/0", false, RuleKind.BuiltIn)]
    [InlineData("icmp6/132/0", true, RuleKind.BuiltIn)]
    [InlineData("icmp6/137/0", true, RuleKind.Ruleset)]
    [InlineData("icmp/135/0", true, RuleKind.Default)]
    public void Neighbour_discovery_passes_only_from_the_link(string port, bool isOnLink, RuleKind expected)
    {
        Scenario scenario = Scenario.Of(Web, Network("six", "::/0"), Ruleset("in", "app=web") with { IncomingRules = [Reject("externalnetwork:name=six", "icmp6")] });
        Assert.Equal(expected, scenario.Incoming("web", "fe80::1", port, isOnLink).Rule.Kind);
    }

    [Theory]
    [InlineData("icmp/8/0", Verdict.Allow)]
    [InlineData("icmp/8/1", Verdict.Reject)]
    [InlineData("icmp/200/255", Verdict.Allow)]
    [InlineData("icmp/201/0", Verdict.Reject)]
    [InlineData("gre", Verdict.Allow)]
    [InlineData("sctp", Verdict.Reject)]
    [InlineData("tcp/8", Verdict.Reject)]
    public void Ports_types_and_protocols_match_their_own_table_only(string port, Verdict expected)
    {
        Scenario scenario = Scenario.Of(Web, All, Ruleset("out", "app=web") with { OutgoingRules = [Allow("externalnetwork:name=all", "icmp/8/0", "icmp/200", "gre")] });
        Assert.Equal(expected, scenario.Outgoing("web", "8.8.8.8", port).Verdict);
    }

    [Fact]
    public void The_named_rule_is_the_first_by_depth_then_name_then_position()
    {
        NetworkRule allow = Allow("externalnetwork:name=all");
        ExternalNetwork all = All with { Namespace = "/", Propagate = true };
        ProcessingUnit web = Web with { Namespace = "/a" };
        NetworkRuleset below = Ruleset("a", "app=web") with { Namespace = "/a", OutgoingRules = [allow] };
        NetworkRuleset second = Ruleset("c", "app=web") with { Namespace = "/", Propagate = true, OutgoingRules = [allow] };
        NetworkRuleset first = Ruleset("b", "app=web") with { Namespace = "/", Propagate = true, OutgoingRules = [Allow("app=db"), allow, allow] };
        Judgement judgement = Scenario.Of(web, all, below, second, first).Outgoing("web", "8.8.8.8", "tcp/80");
        Assert.Equal(("/", "b", 2), (judgement.Rule.Namespace, judgement.Rule.Ruleset, judgement.Rule.Position));
    }

    [Fact]
    public void An_observed_reject_is_named_before_an_observed_allow_and_neither_decides()
    {
        NetworkRule[] rules = [Allow("externalnetwork:name=all"), Reject("externalnetwork:name=all"), Allow("externalnetwork:name=all", "tcp/81")];
        rules[0] = rules[0] with { ObservationEnabled = true };
        rules[1] = rules[1] with { ObservationEnabled = true };
        Judgement judgement = Scenario.Of(Web, All, Ruleset("out", "app=web") with { OutgoingRules = [.. rules] }).Outgoing("web", "8.8.8.8", "tcp/81");
        Assert.Equal((Verdict.Allow, 3), (judgement.Verdict, judgement.Rule.Position));
        Assert.Equal((Verdict.Reject, 2), (judgement.ObservedVerdict, judgement.Observed?.Position));
    }

    private static Judgement Facing(string selector, string path = "/") =>
        Scenario
            .Of(Web, Database with { Namespace = path }, Ruleset("out", "app=web") with { OutgoingRules = [Allow(selector)] })
            .Outgoing("web", "10.200.0.2", "tcp/80");

    private static Scenario Profiled(Func<EnforcerProfile, EnforcerProfile> change, NetworkRuleset ruleset) =>
        Scenario.Of(
            Web,
            Database,
            All,
            ruleset,
            change(new EnforcerProfile { At = At(), Name = "profile" }),
            new EnforcerProfileMapping { At = At(), Name = "mapping", Subject = Tags("$identity=enforcer"), Object = Tags("$name=profile") }
        );
}
