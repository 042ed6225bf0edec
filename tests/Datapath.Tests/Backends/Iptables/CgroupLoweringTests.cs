using System.Collections.Immutable;
using System.Net;
using Datapath.Backends.Host;
using Datapath.Backends.Iptables.Kernel;
using Datapath.Backends.Iptables.Lowering;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Backends.Iptables;

/// <summary>What iptables is told of units that are cgroups.</summary>
public sealed class CgroupLoweringTests
{
    [Fact]
    public void The_example_is_lowered_to_the_recorded_text()
    {
        LoweredPolicy lowered = Lowered(Of("/svc", "/svc"), out _);
        string text = lowered.IPv4.Chains(lowered.Names, 1, lowered.Checksum);
        Golden.AssertMatches(Path.Combine(Architecture.Repository.Root, "tests/Datapath.Tests/Backends/Iptables/one-cgroup.txt"), text);
    }

    [Theory]
    // The rules let the service reach tcp/443 of the store, and the host tcp/80.
    [InlineData("svc", 443, true)]
    [InlineData("svc/below", 443, true)]
    [InlineData("svc", 80, false)]
    [InlineData("svc2", 443, false)]
    [InlineData("svc2", 80, true)]
    [InlineData(null, 443, false)]
    [InlineData(null, 80, true)]
    public void What_a_cgroup_sends_is_judged_by_its_rules_instead_of_the_hosts(string? cgroup, ushort port, bool passes)
    {
        LoweredPolicy lowered = Lowered(Of("/svc", "/svc"), out _);
        var walker = new ChainWalker(lowered.IPv4.Chains(lowered.Names, 1, ""), lowered.IPv4.Set(lowered.Names, 1), isIPv6: false) { Cgroup = cgroup };
        var packet = new WalkedPacket(AddressKey.From(IPAddress.Parse("10.9.0.1")), AddressKey.From(IPAddress.Parse("192.0.2.7")), IanaProtocol.Tcp, port);
        WalkedJudgement said = Assert.Single(walker.Walk(lowered.IPv4.Anchors(1)[1].Chain, LoweringCase.Uplink, packet, isLocal: true));
        Assert.Equal(passes, said.Passes);
    }

    [Fact]
    public void The_deepest_cgroup_is_asked_first_and_a_path_of_one_comes_before_a_path_of_many()
    {
        ImmutableArray<HostCgroup> Find(string path) =>
            path == "/svc/*" ? [new HostCgroup("/svc/a", 2), new HostCgroup("/svc/b", 3)] : path == "/svc/a" ? [new HostCgroup("/svc/a", 2)] : [new HostCgroup("/svc", 1)];
        CompiledPolicy policy = Compiled("/svc", "/svc/*", "/svc/a");
        UnitPlaces places = UnitPlaces.Of(policy, Host(), Find);
        Assert.Equal(
            [("/svc/a", "s2"), ("/svc/b", "s1"), ("/svc", "s0")],
            places.Cgroups.Select(one => (one.Cgroup.Path, one.Unit.Name.Split('/')[^1]))
        );
        Assert.Empty(places.NotEnforced);
    }

    [Theory]
    [InlineData("/none", "there is no cgroup /none now; it is judged within a moment of its coming")]
    [InlineData("/with blank", "iptables takes no cgroup with the path /with blank")]
    [InlineData("/quo\"te", "iptables takes no cgroup with the path /quo\"te")]
    public void What_cannot_be_judged_is_said(string path, string reason)
    {
        UnitPlaces places = UnitPlaces.Of(Compiled(path), Host(), asked => asked == "/none" ? [] : [new HostCgroup(asked, 1)]);
        Assert.Empty(places.Cgroups);
        Assert.Equal([reason], places.NotEnforced.Select(one => one.Reason));
    }

    [Fact]
    public void Where_no_rule_may_name_a_cgroup_every_such_unit_says_so_and_the_host_judges_what_it_sends()
    {
        CompiledPolicy policy = Compiled("/svc", "/other");
        UnitPlaces places = KernelPlaces.Of(policy, Host(), XtablesVariant.Legacy);
        Assert.Empty(places.Cgroups);
        Assert.Equal([CgroupPlaces.LegacyObstacle, CgroupPlaces.LegacyObstacle], places.NotEnforced.Select(one => one.Reason));
        LoweredPolicy lowered = PolicyLowering.Lower(policy, places, LoweringCase.Options);
        Assert.All(lowered.Families, family => Assert.DoesNotContain("-m cgroup", family.Chains(lowered.Names, 1, ""), StringComparison.Ordinal));
    }

    [Fact]
    public void A_cgroup_that_was_made_anew_is_another_policy_to_the_kernel()
    {
        string Checksum(ulong id)
        {
            return LoweringCase.Lower(Compiled("/svc"), Host(), path => [new HostCgroup(path, id)]).Checksum;
        }

        Assert.Equal(Checksum(1), Checksum(1));
        Assert.NotEqual(Checksum(1), Checksum(2));
    }

    [Fact]
    public void A_prefix_with_a_unit_reads_back_as_it_was_written()
    {
        var descriptor = new Descriptor(Verdict.Allow, DescriptorFlags.Log, 12, 0, Verdict.Reject);
        foreach (int unit in (int[])[0, 300])
        {
            string text = LogPrefix.Of(descriptor, DropReason.None, unit).Replace(ChainRule.GenerationMark, "1f", StringComparison.Ordinal);
            Assert.Equal(new LogPrefix(0x1f, descriptor, DropReason.None, unit), LogPrefix.Parse(text));
        }
    }

    private static Func<string, ImmutableArray<HostCgroup>> Of(string path, string found) => asked => asked == path ? [new HostCgroup(found, 77)] : [];

    private static LoweredPolicy Lowered(Func<string, ImmutableArray<HostCgroup>> find, out CompiledPolicy policy)
    {
        policy = Compiled("/svc");
        return LoweringCase.Lower(policy, Host(), find);
    }

    private static HostSnapshot Host() => LoweringCase.Host([], LoweringCase.HostAddress);

    private static CompiledPolicy Compiled(params string[] paths)
    {
        return LoweringCase.CompileClosed(new WrittenPolicy
        {
            ProcessingUnits = [.. paths.Select((path, i) => Written.Unit($"s{i}", "app=s") with { Attach = new Attachment(AttachmentKind.Cgroup, path) })],
            ExternalNetworks = [Written.Network("store", "192.0.2.0/24", "2001:db8::/32")],
            Rulesets =
            [
                Written.Ruleset("service", "app=s") with { OutgoingRules = [Written.Allow("externalnetwork:name=store", "tcp/443")] },
                Written.Ruleset("host", "$type=Host") with { OutgoingRules = [Written.Allow("externalnetwork:name=store", "tcp/80")] },
            ],
        });
    }
}
