using Datapath.Backends;
using Datapath.Backends.Host;
using Datapath.Backends.Iptables;
using Datapath.Backends.Iptables.Lowering;
using Datapath.Interop.Libc;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Backends.Iptables;

/// <summary>What iptables is told of trials and pauses.</summary>
public sealed class LeaseTests
{
    [Theory]
    [InlineData(LeaseKind.Confirm, false)]
    [InlineData(LeaseKind.Pause, false)]
    [InlineData(LeaseKind.Confirm, true)]
    public void A_lease_reads_back_as_it_was_written(LeaseKind kind, bool isEnding)
    {
        var lease = new IptablesLease(kind, TimeSpan.FromMilliseconds(123_456_789), Back: 17, Keeper: 4321) { IsEnding = isEnding };
        Assert.Equal(lease, IptablesLease.Parse(lease.Rule));
        // As some versions of iptables-save print comments.
        string comment = lease.Rule.Split(' ')[^1];
        Assert.Equal(lease, IptablesLease.Parse(lease.Rule.Replace(comment, $"\"{comment}\"", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("-m comment --comment r12 -j DROP")]
    [InlineData("-m comment --comment \"datapath default 0011223344556677\"")]
    [InlineData("-m comment --comment lease-confirm-1-2")]
    [InlineData("-m comment --comment lease-confirm-99999999999999999-2-3")]
    public void Another_rule_is_no_lease(string rule) => Assert.Null(IptablesLease.Parse(rule));

    [Theory]
    [InlineData("datapath rollback-at --config /dev/null --instance web --state-dir /var/lib/datapath/web 123456789", true)]
    // Of another instance, for another lease, and no keeper at all: processes that got the number of one that has ended.
    [InlineData("datapath rollback-at --config /dev/null --instance web-2 --state-dir /var/lib/datapath/web 123456789", false)]
    [InlineData("datapath rollback-at --config /dev/null --instance web --state-dir /var/lib/datapath/web 123456788", false)]
    [InlineData("datapath run --instance web --policy rollback-at 123456789", false)]
    [InlineData("datapath rollback-at --instance", false)]
    [InlineData("vi rollback-at", false)]
    [InlineData("", false)]
    public void A_keeper_is_known_by_its_instance_and_its_deadline(string line, bool isKeeper) =>
        Assert.Equal(isKeeper, KeeperProcess.IsKeeper(line.Replace(' ', '\0') + '\0', TimeSpan.FromMilliseconds(123_456_789), "web"));

    [Fact]
    public void A_lease_is_over_at_its_time_and_when_somebody_has_begun_to_end_it()
    {
        IptablesLease Until(TimeSpan left) => new(LeaseKind.Confirm, KernelClock.SinceBoot() + left, 1, 1);
        Assert.InRange(Until(TimeSpan.FromHours(1)).Left, TimeSpan.FromMinutes(59), TimeSpan.FromHours(1));
        Assert.Equal(TimeSpan.Zero, Until(-TimeSpan.FromSeconds(1)).Left);
        Assert.Equal(TimeSpan.Zero, (Until(TimeSpan.FromHours(1)) with { IsEnding = true }).Left);
    }

    [Fact]
    public void A_paused_policy_counts_what_it_denies_under_the_same_rules_and_drops_and_tells_nothing_of_it()
    {
        LoweredPolicy policy = Lowered();
        LoweredPolicy paused = PausedPolicy.Of(policy);
        Assert.NotEqual(policy.Checksum, paused.Checksum);
        foreach ((LoweredFamily judging, LoweredFamily passing) in policy.Families.Zip(paused.Families))
        {
            string[] before = judging.Chains(policy.Names, 1, "").Split('\n');
            string[] after = passing.Chains(policy.Names, 1, "").Split('\n');
            string[] denied = [.. before.Where(line => line.EndsWith("-j DROP", StringComparison.Ordinal))];
            Assert.NotEmpty(denied);
            string end = judging.Layout.End().Action;
            Assert.Equal(
                denied.Select(line => line.Replace("--comment r", "--comment p", StringComparison.Ordinal).Replace("-j DROP", end, StringComparison.Ordinal)),
                after.Where(line => line.Contains("--comment p", StringComparison.Ordinal))
            );
            // What is allowed opens connections as ever and is told; of what is denied nothing is.
            Assert.Equal(before.Where(IsOfAllowed), after.Where(IsOfAllowed));
            Assert.Equal(before.Count(IsEvent) - denied.Length, after.Count(IsEvent));
        }
    }

    private static bool IsOfAllowed(string line) =>
        line.Contains("--comment c", StringComparison.Ordinal) || (line.Contains("--comment r", StringComparison.Ordinal) && line.Contains("-j MARK ", StringComparison.Ordinal));

    private static bool IsEvent(string line) => line.Contains("-j NFLOG", StringComparison.Ordinal);

    private static LoweredPolicy Lowered()
    {
        WrittenPolicy written = new()
        {
            ProcessingUnits = [Written.Unit("u", "app=a", "10.9.0.1").On("if0")],
            ExternalNetworks = [Written.Network("office", "10.0.0.0/8", "2001:db8::/32"), Written.Network("guests", "10.1.0.0/16", "2001:db8:1::/48")],
            Rulesets =
            [
                Written.Ruleset("serves", "app=a") with
                {
                    IncomingRules = [Written.Allow("externalnetwork:name=office", "tcp/80"), Written.Reject("externalnetwork:name=guests", "tcp/80")],
                },
            ],
        };
        PolicyResolution resolution = PolicyResolver.Resolve(written, HostInventory.Unknown, new());
        CompiledPolicy compiled = Assert.IsType<CompiledPolicy>(PolicyCompiler.Compile(resolution.Policy, RuleIndexes.Empty).Policy);
        var host = new HostSnapshot([new HostInterface(2, "if0", IsLoopback: false, Master: 0, HasMacHeader: true)], [], []);
        return PolicyLowering.Lower(compiled, UnitPlaces.Of(compiled, host), new IptablesOptions { Instance = "default" });
    }
}
