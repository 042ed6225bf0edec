using Datapath.KernelTests.Support;
using Datapath.Shared.Sequences;
using Xunit;

namespace Datapath.KernelTests.Oracle;

/// <summary>The lab of the oracle itself: one case after the other, as when a failing one is made smaller.</summary>
public sealed class SequenceLabTests
{
    /// <summary>Three policies in every order, with each of them in force when the next case begins; so the first may be there already, in any slot.</summary>
    [KernelFact]
    public void Every_policy_of_a_case_is_still_there_whatever_was_in_force_before()
    {
        SequenceCase one = Scenarios.Read("revoked-both-ways");
        Assert.Equal(3, one.Versions.Length);
        int[][] orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0], [1, 1, 1]];
        using var lab = new SequenceLab();
        foreach (int[] before in orders[..3])
        {
            foreach (int[] order in orders)
            {
                foreach (int last in (int[])[0, 1, 2])
                {
                    Judge(before, last);
                    Judge(order, 0);
                }
            }
        }

        void Judge(int[] order, int last)
        {
            SequenceCase all = one with { Versions = [.. order.Select(version => one.Versions[version])], Steps = [.. one.Steps, new PolicyStep(last), one.Steps.First(step => step is PacketStep)] };
            string? difference = lab.Inside(() => new SequenceJudge(lab, all.Versions).Run(all.Steps));
            Assert.True(difference is null, $"{string.Join(' ', order)}, then {last}: {difference}");
        }
    }
}
