using System.Globalization;
using Datapath.Policy.Compilation;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Explanation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Printing;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Support;
using Xunit;
using static Datapath.Tests.Support.Written;

namespace Datapath.Tests.Policy.Explanation;

public sealed class PolicyExplainerTests(ITestOutputHelper output)
{
    private static int Seed =>
        Environment.GetEnvironmentVariable("DATAPATH_PROPERTY_SEED") is { } text
            ? int.Parse(text, CultureInfo.InvariantCulture)
            : Random.Shared.Next();

    /// <summary>The decision is the tables', and the way there ends at the rule that decided.</summary>
    [Fact]
    public void Explanations_agree_with_the_compiled_tables()
    {
        int seed = Seed;
        output.WriteLine($"DATAPATH_PROPERTY_SEED={seed}");
        var steps = new HashSet<string>(StringComparer.Ordinal);
        int misses = 0;
        for (int number = 0; number < 60; number++)
        {
            var random = new Random(unchecked((seed * 1_000_003) + number));
            var generator = new RandomPolicy(random);
            PolicyCase one = generator.Next();
            CompiledPolicy compiled = PolicyCompiler.Compile(PolicyResolver.Resolve(one.Written, one.Inventory, one.Options).Policy, RuleIndexes.Empty).Policy!;
            var reader = new CompiledPolicyReader(compiled);
            var explainer = new PolicyExplainer(one.Written, one.Inventory, one.Options);
            var edges = new PolicyEdges(one);
            for (int i = 0; i < 30; i++)
            {
                AddressKey[] ends = [edges.Address(random, generator.Address), edges.Address(random, generator.Address)];
                (PortTable table, ushort key) = edges.Port(random, generator.Key);
                if (table == PortTable.Icmp6OnLink || (table == PortTable.Other && CompiledPolicyReader.TableOf(key, isOnLink: false) != PortTable.Other))
                {
                    continue;
                }
                PolicyExplanation explanation = explainer.Explain(ends[0].ToString(), ends[1].ToString(), PortSpanText.Of(table, key));
                foreach (ExplainedFlow flow in explanation.Flows)
                {
                    foreach (ExplainedSide side in ((ExplainedSide?[])[flow.Outgoing, flow.Incoming]).OfType<ExplainedSide>())
                    {
                        steps.Add(side.Path.Single(step => step.Decides).Name);
                        misses += side.Miss is null ? 0 : 1;
                        Check(side, side.Direction == Direction.Outgoing ? ends[1] : ends[0], (table, key), compiled, reader);
                    }
                }
            }
        }
        Assert.Equal(5, steps.Count);
        Assert.True(misses > 50, $"only {misses} near misses");
    }

    [Fact]
    public void The_worst_of_several_answers_counts()
    {
        WrittenObject[] objects =
        [
            Unit("one", "app=a", "10.0.0.1"),
            Unit("two", "app=a", "10.0.0.2"),
            Network("n", "192.0.2.0/24"),
            Ruleset("r", "$name=one") with { IncomingRules = [Allow("externalnetwork:name=n", "tcp/80")] },
        ];
        Scenario scenario = Scenario.Of(objects);
        var explainer = new PolicyExplainer(scenario.Policy, scenario.Inventory, scenario.Options);
        Assert.Equal(FlowVerdict.Allowed, explainer.Explain("192.0.2.9", "one", "tcp/80").Verdict);
        PolicyExplanation both = explainer.Explain("192.0.2.9", "app=a", "tcp/80");
        Assert.Equal([FlowVerdict.Allowed, FlowVerdict.Denied], both.Flows.Select(flow => flow.Verdict));
        Assert.Equal(FlowVerdict.Denied, both.Verdict);
        Assert.Equal(FlowVerdict.CannotTell, explainer.Explain("app=nobody", "one", "tcp/80").Verdict);
    }

    [Fact]
    public void A_network_is_asked_about_in_each_part_that_is_told_apart()
    {
        WrittenObject[] objects =
        [
            Unit("web", "app=web", "10.0.0.1"),
            Network("outer", "192.0.2.0/24"),
            Network("inner", "192.0.2.128/32"),
            Ruleset("r", "app=web") with { IncomingRules = [Allow("externalnetwork:name=outer"), Reject("externalnetwork:name=inner", "tcp/1")] },
        ];
        Scenario scenario = Scenario.Of(objects);
        var explainer = new PolicyExplainer(scenario.Policy, scenario.Inventory, scenario.Options);
        PolicyExplanation explanation = explainer.Explain("externalnetwork:name=outer", "web", "tcp/1");
        Assert.Equal(["192.0.2.0", "192.0.2.128"], explanation.Flows.Select(flow => flow.Source.Address.ToString()));
        Assert.Equal([FlowVerdict.Allowed, FlowVerdict.Denied], explanation.Flows.Select(flow => flow.Verdict));
        Assert.Single(explainer.Explain("externalnetwork:name=outer", "web", "tcp/2").Flows);
    }

    [Fact]
    public void And_binds_tighter_than_or_in_the_tags_of_a_question()
    {
        WrittenObject[] objects =
        [
            Unit("one", "app=a env=p", "10.0.0.1"),
            Unit("two", "app=a", "10.0.0.2"),
            Unit("three", "app=b", "10.0.0.3"),
        ];
        Scenario scenario = Scenario.Of(objects);
        var explainer = new PolicyExplainer(scenario.Policy, scenario.Inventory, scenario.Options);
        Assert.Equal(["one", "three"], explainer.Explain("192.0.2.9", "app=a and env=p or app=b", "tcp/80").Flows.Select(flow => flow.Destination.Unit?.Name));
        Assert.Equal(["one"], explainer.Explain("192.0.2.9", "app=a and env=p", "tcp/80").Flows.Select(flow => flow.Destination.Unit?.Name));
    }

    [Fact]
    public void A_unit_without_an_address_is_in_no_network_but_those_that_hold_everybody()
    {
        WrittenObject[] objects =
        [
            Unit("web", "app=web", "10.0.0.1"),
            Unit("job", "app=job"),
            Network("lan", "10.0.0.0/8"),
            Network("all", "0.0.0.0/0", "::/0"),
            Ruleset("r", "app=web") with { IncomingRules = [Reject("externalnetwork:name=lan", "tcp/1"), Reject("externalnetwork:name=all", "tcp/2"), Allow("app=job")] },
        ];
        Scenario scenario = Scenario.Of(objects);
        var explainer = new PolicyExplainer(scenario.Policy, scenario.Inventory, scenario.Options);
        Verdict Incoming(string port) => explainer.Explain("job", "web", port).Flows[0].Incoming!.Judgement.Verdict;
        Assert.Equal((Verdict.Allow, Verdict.Reject), (Incoming("tcp/1"), Incoming("tcp/2")));
        Assert.True(explainer.Explain("job", "web", "tcp/1").Flows[0].Source.IsStandIn);
    }

    private static void Check(ExplainedSide side, AddressKey peer, (PortTable Table, ushort Key) port, CompiledPolicy compiled, CompiledPolicyReader reader)
    {
        // Units of other hosts are explained all the same; they stand in no table here.
        LocalUnit? local = compiled.Units.FirstOrDefault(unit => new UnitName(unit.Namespace, unit.Name) == side.Unit);
        PortTable table = port.Table == PortTable.Icmp6 && (port.Key >> 8) is 133 or 134 or 135 or 136 or 141 or 142 ? PortTable.Icmp6OnLink : port.Table;
        if (local is not null)
        {
            Assert.Equal(reader.Judge(local.Number, side.Direction, peer, table, port.Key), side.Judgement);
        }
        string expected = side.Judgement.Rule.Kind switch
        {
            RuleKind.Ruleset => side.Judgement.Verdict.ToString(),
            RuleKind.Failsafe => "failsafe port",
            RuleKind.Default => "default",
            _ => "local, excluded or built-in",
        };
        Assert.Equal(expected, side.Path.Single(step => step.Decides).Name);
        Assert.Equal(side.Judgement.Rule.Kind == RuleKind.Ruleset, side.At is not null && side.Because is not null);
        Assert.Equal(side.Judgement.Observed is not null, side.ObservedAt is not null);
        Assert.False(side.Judgement.Verdict == Verdict.Allow && side.Miss is not null, "what is allowed misses nothing");
        Assert.All(side.Miss?.Lacks ?? [], lack => Assert.NotEmpty(lack));
    }
}
