using System.Collections.Immutable;
using Datapath.Backends;
using Datapath.Backends.Iptables;
using Datapath.Backends.Iptables.Kernel;
using Datapath.Policy.Compilation;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Backends.Iptables;

public sealed class VerdictTallyTests
{
    [Fact]
    public void The_sum_only_grows_whatever_becomes_of_rules()
    {
        CompiledPolicy policy = Scenario
            .Of(
                Written.Unit("web", "app=a", "10.78.0.2").On("web0"),
                Written.Network("all", "10.0.0.0/8"),
                Written.Ruleset("r", "app=a") with
                {
                    IncomingRules = [Written.Allow("externalnetwork:name=all", "tcp/80")],
                }
            )
            .Compile();
        VerdictTally tally = new();
        tally.Learn(policy);
        (int rule, Verdict verdict) = policy.Descriptors.Where(one => one.RuleIndex > 0).Select(one => (one.RuleIndex, one.Verdict)).First();
        Assert.Equal(10, Sum(tally.Add(Counts((rule, 10))), verdict));
        Assert.Equal(25, Sum(tally.Add(Counts((rule, 25))), verdict));
        // The rule is gone, then its number is another's, which begins at zero.
        Assert.Equal(25, Sum(tally.Add(Counts()), verdict));
        Assert.Equal(28, Sum(tally.Add(Counts((rule, 3))), verdict));
        // A rule of which nothing is known tells nothing.
        Assert.Equal(28, Sum(tally.Add(Counts((rule, 3), (9999, 100))), verdict));
        // Flushed and back, and at the next look it has counted more than ever before: all of that is new.
        Assert.Equal(28, Sum(tally.Add(Counts()), verdict));
        Assert.Equal(68, Sum(tally.Add(Counts((rule, 40))), verdict));
    }

    [Fact]
    public void What_found_no_room_is_added_up_over_processors() =>
        Assert.Equal(
            0x10 + 3 + 1,
            ConntrackTable.CountFailures(["entries found insert insert_failed drop early_drop", "00000005  0 0 00000010 00000003 000000ff", "00000005  0 0 00000000 00000001 000000ff"])
        );

    private static long Sum(ImmutableArray<VerdictCount> verdicts, Verdict verdict) =>
        verdicts.Where(one => (one.Reason == Datapath.Flows.DropReason.None) == (verdict == Verdict.Allow)).Sum(one => one.Count.Packets);

    private static ImmutableDictionary<int, PacketCount> Counts(params (int Rule, long Packets)[] counts) =>
        counts.ToImmutableDictionary(one => one.Rule, one => new PacketCount(one.Packets, one.Packets * 60));
}
