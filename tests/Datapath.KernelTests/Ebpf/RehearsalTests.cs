using System.Collections.Immutable;
using Datapath.Backends;
using Datapath.KernelTests.Support;
using Datapath.Policy.Compilation;
using Datapath.Policy.Options;
using Datapath.Policy.Sampling;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>A generation is tried before it is in force, by a copy of the program that leaves no trace.</summary>
public sealed class RehearsalTests : IDisposable
{
    private const int Many = 2000;

    private readonly ProgramLab _lab = new();

    [KernelFact]
    public void What_the_evaluator_says_of_a_policy_is_what_the_tables_say()
    {
        ImmutableArray<Canary> canaries = Canaries(Policies.Friends, _lab.Compile(Policies.Friends), Many);
        Assert.Contains(canaries, one => one.Verdict == Verdict.Allow);
        Assert.Contains(canaries, one => one.Verdict == Verdict.Reject);
        Assert.Equal(2, canaries.DistinctBy(one => one.Unit).Count());
        Assert.Equal(5, canaries.DistinctBy(one => one.Table).Where(one => one.Table != PortTable.Icmp6OnLink).Count());
        Assert.True(_lab.Apply(Policies.Friends, new ApplyOptions { Canaries = canaries }).Changed);
    }

    [KernelTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_wrong_cell_is_refused_and_the_old_policy_stays(bool isVerdictWrong)
    {
        uint good = _lab.Apply(Policies.NothingIncoming).Generation;
        CompiledPolicy right = _lab.Compile(Policies.Friends);
        ImmutableArray<Canary> canaries = Canaries(Policies.Friends, right, Many);
        // The descriptor of every cell is another's: its verdict, or only the rule that is named.
        ImmutableArray<Descriptor> wrong =
        [
            .. right.Descriptors.Select(one =>
                isVerdictWrong && !one.Flags.HasFlag(DescriptorFlags.BuiltIn)
                    ? one with { Verdict = one.Verdict == Verdict.Allow ? Verdict.Reject : Verdict.Allow }
                    : one with { RuleIndex = one.RuleIndex == 1 ? 2 : 1 }
            ),
        ];
        var refusal = Assert.Throws<CanaryException>(() => _lab.Apply(right with { Descriptors = wrong }, new ApplyOptions { Canaries = canaries }));
        Assert.Contains("the policy says", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(good, _lab.Restart());
        Assert.False(_lab.Passes("up0", ingress: true, Syn80()));
    }

    [KernelFact]
    public void A_single_wrong_cell_is_found_by_the_connection_that_it_judges()
    {
        CompiledPolicy right = _lab.Compile(Policies.Friends);
        Canary web = Canaries(Policies.Friends, right, Many)
            .First(one => one is { Verdict: Verdict.Allow, Table: PortTable.Tcp, Direction: Direction.Incoming, Key: 80 });
        int cell = new CompiledPolicyReader(right).DescriptorIndex(web.Unit, web.Direction, web.Peer, web.Table, web.Key);
        Descriptor denied = right.Descriptors[cell] with { Verdict = Verdict.Reject };
        CompiledPolicy wrong = right with { Descriptors = right.Descriptors.SetItem(cell, denied) };
        Assert.Throws<CanaryException>(() => _lab.Apply(wrong, new ApplyOptions { Canaries = [web] }));
        // Nothing was in force before, and nothing is now.
        Assert.Empty(_lab.Run(() => _lab.Backend.Remove(dryRun: true)).Removed);
        _lab.Apply(right, new ApplyOptions { Canaries = [web] });
    }

    [KernelFact]
    public void A_rehearsal_counts_remembers_and_reports_nothing()
    {
        ImmutableArray<Canary> canaries = Canaries(Policies.Friends, _lab.Compile(Policies.Friends), Many);
        _lab.Apply(Policies.Friends, new ApplyOptions { Canaries = canaries });
        BackendCounters counters = _lab.Backend.ReadCounters();
        Assert.Empty(counters.Rules);
        Assert.Empty(counters.Drops);
        Assert.All(counters.Statistics, one => Assert.Equal(0, one.Value));
        Assert.Empty(_lab.TakeEvents());
        Assert.True(_lab.Passes("up0", ingress: true, Syn80()));
        Assert.Single(_lab.TakeEvents());
    }

    public void Dispose() => _lab.Dispose();

    private static byte[] Syn80() => Ethernet(IPv4("10.9.1.1", "10.0.0.1", Tcp, TcpHeader(40000, 80, Syn)));

    private static ImmutableArray<Canary> Canaries(string yaml, CompiledPolicy compiled, int count) =>
        [
            .. new PolicySample(compiled, ProgramLab.Read(yaml), ProgramLab.Inventory, new PolicyOptions(), new Random(1).Next)
                .Draw()
                .Take(count)
                .Select(one => new Canary(one.Unit, one.Direction, one.Peer, one.Table, one.Key, one.Verdict, one.RuleIndex)),
        ];
}
