using System.Globalization;
using System.Net;
using Datapath.Backends.Ebpf.Image;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Lint;
using Datapath.Policy.Printing;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Support;
using Xunit;
using static Datapath.Tests.Support.Written;

namespace Datapath.Tests.Policy.Compilation;

/// <summary>What backends rely on in the tables, besides the verdicts.</summary>
public sealed class CompiledShapeTests
{
    private static readonly ProcessingUnit Web = Unit("web", "app=web", "10.0.0.1").On("veth0");

    [Fact]
    public void Units_with_equal_rules_share_a_policy()
    {
        WrittenObject[] units = [.. Enumerable.Range(0, 20).Select(i => Unit($"u{i}", $"app={i % 4}").On($"veth{i}"))];
        WrittenObject[] rulesets = [.. Enumerable.Range(0, 4).Select(i => Ruleset($"r{i}", $"app={i}") with { IncomingRules = [Allow("externalnetwork:name=all")] })];
        CompiledPolicy policy = Scenario.Of([.. units, .. rulesets, Network("all", "0.0.0.0/0")]).Compile();
        Assert.Equal(21, policy.Units.Length);
        Assert.Equal(5, policy.Policies.Length);
    }

    [Fact]
    public void Addresses_that_no_rule_tells_apart_share_a_class_and_class_0_is_listed_nowhere()
    {
        CompiledPolicy policy = Scenario
            .Of(
                Web,
                Network("a", "10.1.0.0/16", "172.16.0.0/12"),
                Network("b", "10.2.0.0/16") with
                {
                    AssociatedTags = ["app=same"],
                },
                Network("c", "10.3.0.0/16") with
                {
                    AssociatedTags = ["app=same"],
                },
                Network("unnamed", "10.4.0.0/16"),
                Ruleset("r", "app=web") with
                {
                    IncomingRules = [Allow("externalnetwork:name=a", "tcp/80"), Allow("app=same", "tcp/80")],
                }
            )
            .Compile();
        Assert.Equal(3, policy.Peers.ClassCount);
        Assert.Equal(0, policy.Peers.IPv4[0].Class);
        Assert.Equal(2, policy.Peers.IPv4.Where(range => range.Unit == 0).Max(range => (int)range.Class));
        Assert.Equal(0, Assert.Single(policy.Peers.IPv6).Class);
    }

    [Fact]
    public void Class_0_is_nobodys_when_every_address_is_listed_somewhere()
    {
        CompiledPolicy policy = Scenario
            .Of(Network("all", "0.0.0.0/0", "::/0"), Ruleset("r", "$type=Host") with { IncomingRules = [Reject("externalnetwork:name=all", "tcp/1")] })
            .Compile();
        Assert.Equal(2, policy.Peers.ClassCount);
        Assert.All(policy.Peers.IPv4, range => Assert.Equal(1, range.Class));
        Assert.All(policy.Peers.IPv6, range => Assert.Equal(1, range.Class));
    }

    [Fact]
    public void Ranges_start_at_0_ascend_and_neighbours_differ()
    {
        var generator = new RandomPolicy(new Random(7));
        for (int i = 0; i < 200; i++)
        {
            PolicyCase one = generator.Next();
            CompiledPolicy policy = (new Scenario { Inventory = one.Inventory, Options = one.Options } with { Objects = Objects(one.Written) }).Compile();
            AssertRanges([.. policy.Peers.IPv4.Select(range => ((UInt128)range.First, (range.Class << 16) | range.Unit))], uint.MaxValue);
            AssertRanges([.. policy.Peers.IPv6.Select(range => (range.First, (range.Class << 16) | range.Unit))], UInt128.MaxValue);
            for (int table = 0; table < 6; table++)
            {
                AssertRanges([.. policy.Ports.Tables[table].Select(run => ((UInt128)run.First, (int)run.Class))], table == 5 ? 255u : 65535u);
            }
        }
    }

    [Fact]
    public void Equal_policies_have_equal_tables_and_equal_indexes()
    {
        PolicyCase one = new RandomPolicy(new Random(11)).Next();
        Scenario scenario = new() { Inventory = one.Inventory, Options = one.Options, Objects = Objects(one.Written) };
        Assert.Equal(PolicyText.Tables(scenario.Compile()), PolicyText.Tables(scenario.Compile()));
        Assert.Equal(PolicyText.Resolved(scenario.Resolve().Policy), PolicyText.Resolved(scenario.Resolve().Policy));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false, "any")]
    [InlineData(true, false, "tcp/0:65535", "udp/0:65535")]
    [InlineData(true, false, "gre", "icmp")]
    [InlineData(true, true, "tcp/80")]
    [InlineData(true, true, "icmp/8")]
    [InlineData(true, true, "udp/1:65535")]
    public void Ports_matter_where_they_change_a_verdict(bool isRuled, bool expected, params string[] ports)
    {
        NetworkRuleset ruleset = Ruleset("r", "app=web") with { IncomingRules = isRuled ? [Allow("externalnetwork:name=all", ports)] : [] };
        CompiledPolicy policy = Scenario.Of(Web, Network("all", "10.0.0.0/8"), ruleset).Compile();
        UnitPolicy web = policy.Policies[policy.Units[1].Policy];
        Assert.Equal(expected, web.IncomingPortsMatter);
        Assert.False(web.OutgoingPortsMatter);
    }

    [Fact]
    public void Rules_of_other_verdicts_matter_only_between_verdicts()
    {
        NetworkRuleset ruleset = Ruleset("r", "app=web") with { OutgoingRules = [Reject("externalnetwork:name=all", "tcp/80")] };
        CompiledPolicy policy = Scenario.Of(Web, Network("all", "10.0.0.0/8"), ruleset).Compile();
        Assert.False(policy.Policies[policy.Units[1].Policy].OutgoingPortsMatter);
    }

    [Fact]
    public void More_than_65536_descriptors_are_told_apart()
    {
        string[] names = [.. Enumerable.Range(0, 300).Select(i => i.ToString(CultureInfo.InvariantCulture))];
        NetworkRule[] deciding = [.. names.Select(name => Allow("externalnetwork:name=all", $"tcp/{name}"))];
        // Each deciding rule meets each observing one in a cell of its own.
        WrittenObject[] networks = [.. names.Select((name, i) => Network(name, $"10.{i / 256}.{i % 256}.0/24"))];
        NetworkRule[] observing = [.. names.Select(name => Reject($"externalnetwork:name={name}") with { ObservationEnabled = true })];
        Scenario scenario = Scenario.Of(
            [Web, Network("all", "0.0.0.0/0"), .. networks, Ruleset("r", "app=web") with { OutgoingRules = [.. deciding, .. observing] }]
        );
        CompiledPolicy policy = scenario.Compile();
        Assert.InRange(policy.Descriptors.Length, 300 * 300, 100_000);
        var evaluator = new PolicyEvaluator(scenario.Policy, scenario.Inventory, scenario.Options);
        var reader = new CompiledPolicyReader(policy);
        var walker = new ImageWalker(PolicyImageEncoder.Encode(policy));
        int unit = policy.Units[1].Number;
        for (int network = 0; network < 300; network += 13)
        {
            var peer = AddressKey.From(IPAddress.Parse($"10.{network / 256}.{network % 256}.9"));
            foreach (ushort port in (ushort[])[0, 17, 254, 255, 256, 299, 300])
            {
                Judgement expected = evaluator.Judge(new Question(new UnitName(policy.Units[1].Namespace, policy.Units[1].Name), Direction.Outgoing, peer, PortTable.Tcp, port));
                Assert.Equal(expected, reader.Judge(unit, Direction.Outgoing, peer, PortTable.Tcp, port));
                Descriptor cell = policy.Descriptors[reader.DescriptorIndex(unit, Direction.Outgoing, peer, PortTable.Tcp, port)];
                Assert.Equal(cell, walker.Decide(unit, Direction.Outgoing, peer, PortTable.Tcp, port));
            }
        }
    }

    [Fact]
    public void More_peer_classes_than_a_class_can_count_are_refused()
    {
        // 17 networks that each halve what the others leave: 2^17 sets.
        WrittenObject[] networks =
        [
            .. Enumerable
                .Range(0, 17)
                .Select(bit => Network($"n{bit}", [.. Enumerable.Range(0, 1 << bit).Select(i => $"{Written32((((uint)i << 1) | 1) << (31 - bit))}/{bit + 1}")])),
        ];
        NetworkRule[] rules = [.. Enumerable.Range(0, 17).Select(bit => Allow($"externalnetwork:name=n{bit}", $"tcp/{bit}"))];
        Scenario scenario = Scenario.Of([Web, .. networks, Ruleset("r", "app=web") with { OutgoingRules = [.. rules] }]);
        PolicyCompilation compilation = PolicyCompiler.Compile(scenario.Resolve().Policy, RuleIndexes.Empty);
        Assert.Null(compilation.Policy);
        Assert.Equal("DP2010", Assert.Single(compilation.Diagnostics).Code);
        // What lint leaves out for it is said.
        Diagnostic said = Assert.Single(PolicyLint.Check(scenario.Policy, scenario.Inventory, scenario.Options), one => one.Code == "DP3151");
        Assert.Contains("were not looked at", said.Message, StringComparison.Ordinal);
    }

    private static string Written32(uint address) => new AddressKey(false, address).ToString();

    private static System.Collections.Immutable.ImmutableArray<WrittenObject> Objects(WrittenPolicy written) =>
        [
            .. written.Namespaces, .. written.ExternalNetworks, .. written.Rulesets, .. written.ProcessingUnits, .. written.EnforcerProfiles,
            .. written.EnforcerProfileMappings,
        ];

    private static void AssertRanges(IReadOnlyList<(UInt128 First, int What)> ranges, UInt128 end)
    {
        Assert.Equal(UInt128.Zero, ranges[0].First);
        Assert.True(ranges[^1].First <= end);
        for (int i = 1; i < ranges.Count; i++)
        {
            Assert.True(ranges[i].First > ranges[i - 1].First);
            Assert.NotEqual(ranges[i - 1].What, ranges[i].What);
        }
    }
}
