using Datapath.Interop.Processes;
using Datapath.Lab.Networks;

namespace Datapath.Lab.Agents;

/// <summary>The real executable at work, inside the network namespace of the host that it protects.</summary>
public sealed class RunningAgent : IAsyncDisposable
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan BetweenQuestions = TimeSpan.FromMilliseconds(100);

    private readonly RunningCommand _command;

    private RunningAgent(RunningCommand command, AgentApi api) => (_command, Api) = (command, api);

    /// <summary>What it says about itself.</summary>
    public AgentApi Api { get; }

    /// <summary>Its process id.</summary>
    public int ProcessId => _command.Id;

    /// <summary>The last lines that it printed.</summary>
    public IReadOnlyList<string> Output => _command.Output;

    /// <summary>Kills it with signal 9: it gets no chance to do anything.</summary>
    public Task KillAsync() => _command.KillAsync();

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        Api.Dispose();
        await _command.DisposeAsync();
    }

    internal static async Task<RunningAgent> StartAsync(AgentSite site, IReadOnlyList<string> more, CancellationToken cancellation)
    {
        var command = RunningCommand.Start("nsenter", site.Inside([.. site.RunArguments, .. more]));
        var agent = new RunningAgent(command, new AgentApi(site.SocketPath));
        try
        {
            await agent.WaitUntilEnforcingAsync(cancellation);
            return agent;
        }
        catch
        {
            await agent.DisposeAsync();
            throw;
        }
    }

    private async Task WaitUntilEnforcingAsync(CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(StartPatience);
        try
        {
            while (!await Api.IsEnforcingAsync(deadline.Token))
            {
                if (_command.HasExited)
                {
                    throw new LabException($"the agent ended with {await _command.WaitAsync(cancellation)}:\n{string.Join('\n', _command.Output)}");
                }

                await Task.Delay(BetweenQuestions, deadline.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new LabException($"the agent does not enforce after {StartPatience.TotalSeconds} s:\n{string.Join('\n', _command.Output)}");
        }
    }
}
