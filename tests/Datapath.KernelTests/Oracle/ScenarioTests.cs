using Datapath.KernelTests.Support;
using Datapath.KernelTests.Wire;
using Datapath.Shared.Sequences;
using Xunit;

namespace Datapath.KernelTests.Oracle;

/// <summary>Every committed sequence, replayed through oracle, programs and iptables.</summary>
public sealed class ScenarioTests
{
    public static TheoryData<string> All => Scenarios.Names;

    [KernelTheory, MemberData(nameof(All))]
    public void A_committed_sequence_is_judged_alike_by_oracle_and_programs(string name)
    {
        SequenceCase one = Scenarios.Read(name);
        Assert.Contains(one.Steps, step => step is PacketStep);
        using var lab = new SequenceLab();
        string? difference = lab.Inside(() => new SequenceJudge(lab, one.Versions).Run(one.Steps));
        Assert.True(difference is null, difference);
    }

    [KernelTheory, MemberData(nameof(All))]
    public void A_committed_sequence_is_judged_alike_by_real_iptables(string name)
    {
        SequenceCase one = Scenarios.Read(name);
        using var lab = new WireLab();
        string? difference = lab.Difference(one);
        Assert.True(difference is null, difference);
        Assert.SkipUnless(lab.Compared > 0, "no packet of this sequence passes a kernel without policy, or it needs time to pass");
    }
}
