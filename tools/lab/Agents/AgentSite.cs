using Datapath.Interop.Processes;
using Datapath.Lab.Networks;

namespace Datapath.Lab.Agents;

/// <summary>Where an agent lives: the executable, the host that it protects, its instance and its files.</summary>
/// <param name="Executable">The executable <c>datapath</c>.</param>
/// <param name="Host">The host to protect.</param>
/// <param name="Instance">Name of the agent's instance.</param>
/// <param name="WorkPath">Folder for socket, state and policy; the caller deletes it.</param>
public sealed record AgentSite(string Executable, LabHost Host, string Instance, string WorkPath)
{
    /// <summary>Whether it is asked to enforce with eBPF; iptables otherwise.</summary>
    public bool EnableEbpf { get; init; } = true;

    /// <summary>The mount namespace that it runs in, as a path; null for that of whoever starts it.</summary>
    public string? MountNamespacePath { get; init; }

    /// <summary>Where the agent listens.</summary>
    public string SocketPath => Path.Combine(WorkPath, "agent.sock");

    /// <summary>Where the agent keeps its state.</summary>
    public string StatePath => Path.Combine(WorkPath, "state");

    /// <summary>The policy directory.</summary>
    public string PolicyPath => Path.Combine(WorkPath, "policy");

    /// <summary>The command line of <c>run</c> for this place.</summary>
    public IReadOnlyList<string> RunArguments =>
        [
            "run", "--policy", PolicyPath, "--instance", Instance, "--socket", SocketPath, "--state-dir", StatePath,
            // A lab keeps out of the root of the machine's cgroups, where connections are refused early.
            "--no-early-reject", .. EnableEbpf ? (IEnumerable<string>)["--enable-ebpf"] : [],
        ];

    /// <summary>Starts the agent and waits until it says that it enforces the policy.</summary>
    /// <param name="more">Options besides <see cref="RunArguments"/>.</param>
    /// <param name="cancellation">Gives up; the agent is killed.</param>
    /// <exception cref="LabException">It died or did not get there; the message carries what it printed.</exception>
    public Task<RunningAgent> StartAsync(IReadOnlyList<string> more, CancellationToken cancellation) =>
        RunningAgent.StartAsync(this, more, cancellation);

    /// <summary>Runs a command of the executable on the host, to its end.</summary>
    /// <param name="arguments">The verb and its options, as they are.</param>
    /// <param name="cancellation">Kills it.</param>
    /// <returns>How it ended, whatever its exit code.</returns>
    public Task<CommandResult> CommandAsync(IReadOnlyList<string> arguments, CancellationToken cancellation) =>
        CommandRunner.RunAsync("nsenter", Inside(arguments), timeout: TimeSpan.FromMinutes(1), cancellation: cancellation);

    /// <summary>Removes everything that the instance left in the kernel, also under an agent that still runs.</summary>
    /// <exception cref="LabException">Something remains, or it could not be done.</exception>
    public async Task PurgeAsync()
    {
        // Not cancellable: an interrupted lab must clean up too.
        var output = await CommandAsync(["purge", "--instance", Instance, "--force"], CancellationToken.None);
        if (output.ExitCode != 0)
        {
            throw new LabException($"datapath purge ended with {output.ExitCode}: {output.StandardOutput}{output.StandardError}");
        }
    }

    // Only the network namespace: `ip netns exec` would also give it a mount namespace of its own, whose BPF file system, and with it every
    // pinned object, goes when the agent dies.
    internal IReadOnlyList<string> Inside(IEnumerable<string> arguments) =>
        [$"--net={Host.NamespacePath}", .. MountNamespacePath is { } mounts ? (IEnumerable<string>)[$"--mount={mounts}"] : [], Executable, .. arguments];
}
