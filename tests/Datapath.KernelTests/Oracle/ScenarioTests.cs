using Datapath.KernelTests.Support;
using Datapath.Shared.Sequences;
using Xunit;

namespace Datapath.KernelTests.Oracle;

/// <summary>Every committed sequence, replayed through oracle and programs.</summary>
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
}
