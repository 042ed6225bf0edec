using Datapath.KernelTests.Agent;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Sockets;

/// <summary>One lab and its agent for all cases of a class; made by the first one that runs.</summary>
public sealed class RevocationLab : IAsyncLifetime
{
    private AgentLab? _lab;
    private RunningAgent? _agent;
    private string? _policy;

    /// <summary>The network.</summary>
    internal AgentLab Lab => _lab ?? throw new InvalidOperationException("not made yet");

    /// <summary>Makes it, or waits for nothing; a policy is in force afterwards.</summary>
    /// <param name="policy">Its text.</param>
    internal async Task ApplyAsync(string policy)
    {
        if (_lab is null)
        {
            _lab = await AgentLab.CreateAsync(policy);
            _lab.Router.SilencePing();
            _lab.Client.SilencePing();
            _lab.Pod.SilencePing();
            _agent = await _lab.StartAsync();
        }
        else if (_policy != policy)
        {
            await _lab.ApplyAsync(_agent!, policy);
        }

        _policy = policy;
    }

    /// <summary>Kills the agent, replaces the policy meanwhile, and starts another one.</summary>
    /// <param name="policy">Its text.</param>
    internal async Task RestartWithAsync(string policy)
    {
        await _agent!.KillAsync();
        Lab.ReplacePolicy(policy);
        _policy = policy;
        _agent = await Lab.StartAsync();
        await _agent.StatusUntilAsync(status => status.PolicyState() == "applied");
    }

    /// <inheritdoc/>
    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_lab is not null)
        {
            await _lab.DisposeAsync();
        }
    }
}
