using Datapath.Backends;
using Datapath.Tests.Agent.Support;
using Xunit;

namespace Datapath.Tests.Agent;

/// <summary>What needs no policy is done beside reading it.</summary>
public sealed class BackendStartTests : IDisposable
{
    private readonly AgentFixture _fixture = new();

    [Fact]
    public async Task The_backend_is_prepared_while_the_policy_is_read_and_before_it_is_applied()
    {
        using ManualResetEventSlim isRead = new();
        bool wasReadMeanwhile = false;
        int preparedBefore = 0;
        _fixture.ReadingHost = isRead.Set;
        _fixture.Backend.Preparing = () => wasReadMeanwhile = isRead.Wait(RunningAgent.Patience);
        _fixture.Backend.Applying = () => preparedBefore = _fixture.Backend.Prepared;
        await using RunningAgent agent = await _fixture.StartAsync();
        Assert.True(wasReadMeanwhile);
        Assert.Equal(1, preparedBefore);
        Assert.False(_fixture.Backend.WasEnteredTwice);
    }

    [Fact]
    public async Task Where_an_earlier_agent_left_something_nothing_is_prepared()
    {
        _fixture.Backend.Generation = 7;
        await using RunningAgent agent = await _fixture.StartAsync();
        Assert.Equal(0, _fixture.Backend.Prepared);
    }

    [Fact]
    public async Task What_cannot_be_prepared_is_said_by_the_first_apply_alone()
    {
        _fixture.Backend.Preparing = () => throw new BackendException("not yet");
        await using RunningAgent agent = await _fixture.StartAsync();
        Assert.Single(_fixture.Backend.Applied);
        Assert.DoesNotContain("not yet", agent.Log, StringComparison.Ordinal);
    }

    /// <inheritdoc/>
    public void Dispose() => _fixture.Dispose();
}
