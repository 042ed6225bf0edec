using Datapath.Interop.Processes;
using Datapath.Lab.Networks;

namespace Datapath.Lab.Demo;

/// <summary>The agent under demonstration: the real executable, inside the network namespace of the router.</summary>
internal sealed class DemoAgent : IAsyncDisposable
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan BetweenQuestions = TimeSpan.FromMilliseconds(100);

    private readonly RunningCommand _command;

    private DemoAgent(RunningCommand command, AgentApi api) => (_command, Api) = (command, api);

    /// <summary>What it says about itself.</summary>
    public AgentApi Api { get; }

    /// <summary>Its process id.</summary>
    public int ProcessId => _command.Id;

    /// <summary>Starts it and waits until it says that it enforces the policy.</summary>
    /// <param name="router">The host to protect.</param>
    /// <param name="options">Where everything is.</param>
    /// <param name="cancellation">Gives up; the agent is killed.</param>
    /// <exception cref="LabException">It died or did not get there; the message carries what it printed.</exception>
    public static async Task<DemoAgent> StartAsync(LabHost router, DemoOptions options, CancellationToken cancellation)
    {
        var command = RunningCommand.Start(
            "nsenter",
            Inside(
                router,
                options.AgentPath,
                ["run", "--enable-ebpf", "--policy", options.PolicyPath, "--instance", options.Instance],
                ["--socket", options.SocketPath, "--state-dir", options.StatePath]
            )
        );
        var agent = new DemoAgent(command, new AgentApi(options.SocketPath));
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

    /// <summary>Removes everything that the instance left in the kernel.</summary>
    /// <param name="router">The host that was protected.</param>
    /// <param name="options">Where everything is.</param>
    /// <exception cref="LabException">Something remains, or it could not be done.</exception>
    public static async Task PurgeAsync(LabHost router, DemoOptions options)
    {
        // Not cancellable: an interrupted demo must clean up too.
        var output = await CommandRunner.RunAsync(
            "nsenter",
            Inside(router, options.AgentPath, ["purge", "--instance", options.Instance])
        );
        if (output.ExitCode != 0)
        {
            throw new LabException($"datapath purge ended with {output.ExitCode}: {output.StandardOutput}{output.StandardError}");
        }
    }

    /// <summary>Kills it with signal 9: it gets no chance to do anything.</summary>
    public Task KillAsync() => _command.KillAsync();

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        Api.Dispose();
        await _command.DisposeAsync();
    }

    // Only the network namespace: `ip netns exec` would also give it a mount namespace of its own, whose BPF file system, and with it every
    // pinned object, goes when the agent dies.
    private static string[] Inside(LabHost router, string program, params ReadOnlySpan<string[]> arguments) =>
        [$"--net={router.NamespacePath}", program, .. arguments.ToArray().SelectMany(part => part)];

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
