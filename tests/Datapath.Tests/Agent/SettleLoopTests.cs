using Datapath.Agent.Loops;
using Datapath.Tests.Agent.Support;
using Xunit;

namespace Datapath.Tests.Agent;

/// <summary>When the agent makes itself small.</summary>
public sealed class SettleLoopTests
{
    [Fact]
    public async Task It_settles_once_when_a_generation_has_stayed_for_an_interval_and_not_while_they_follow_each_other()
    {
        uint[] generations = [1, 1, 1, 1, 2, 3, 4, 4, 4, 5];
        using FakeBackend kernel = new();
        using SharedBackend shared = new(kernel);
        using CancellationTokenSource stop = new();
        List<int> settledBefore = [];
        SettleLoop loop = new(shared, NextGeneration, new QuickClock());
        await loop.RunAsync(stop.Token).WaitAsync(RunningAgent.Patience, TestContext.Current.CancellationToken);
        Assert.Equal([0, 0, 1, 1, 1, 1, 1, 1, 2, 2], settledBefore);

        // Asked once in each interval; by what it finds the one before has settled or not.
        uint NextGeneration()
        {
            settledBefore.Add(kernel.Settled);
            if (settledBefore.Count == generations.Length)
            {
                stop.Cancel();
            }

            return generations[settledBefore.Count - 1];
        }
    }

    /// <summary>Ten seconds are ten milliseconds of it.</summary>
    private sealed class QuickClock : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            System.CreateTimer(callback, state, dueTime / 1000, period / 1000);
    }
}
