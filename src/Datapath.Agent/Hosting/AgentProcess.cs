using Datapath.Agent.Commands;
using Datapath.Agent.Documents;
using Datapath.Agent.Loops;
using Datapath.Backends;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Hosting;

namespace Datapath.Agent.Hosting;

/// <summary>A life of the agent: claim the instance, open the kernel, listen, loop, let go.</summary>
internal static class AgentProcess
{
    /// <summary>Runs until a signal comes, or until there is nothing to run for.</summary>
    /// <param name="settings">What the agent was told.</param>
    /// <param name="parts">The kernel, the clock.</param>
    /// <param name="error">Takes the log.</param>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(AgentSettings settings, AgentParts parts, TextWriter error)
    {
        try
        {
            using ControlSocket socket = ControlSocket.Claim(settings.Instance, settings.SocketPath);
            using SharedBackend backend = new(parts.OpenEbpf(settings.Instance));
            return await RunAsync(settings, parts, socket, backend, new LineLogger(error, parts.Clock));
        }
        catch (Exception refusal) when (refusal is ControlSocketException or BackendException)
        {
            await error.WriteLineAsync($"datapath: {refusal.Message}");
            return ExitCode.CouldNot;
        }
    }

    private static async Task<int> RunAsync(
        AgentSettings settings,
        AgentParts parts,
        ControlSocket socket,
        SharedBackend backend,
        LineLogger log
    )
    {
        EventFeed feed = new();
        StatusBoard board = new(Starting(settings, backend), feed);
        PolicyLoopReport report = new(settings.PolicyDirectory, board, log);
        PolicyLoop policy = new(settings, report, parts.Clock)
        {
            Backend = backend,
            Feed = feed,
            Host = parts.Host,
        };
        FlowLoop flows = new(backend, feed, log, parts.Clock);
        TaskCompletionSource<PolicyLoopEnd> end = new(TaskCreationOptions.RunContinuationsAsynchronously);
        AgentLoop policyLoop = new(async stop => end.SetResult(await policy.RunAsync(stop)));
        AgentLoop flowLoop = new(flows.RunAsync);
        WebApplication server = AgentServer.Build(socket, board, feed, log, [policyLoop, flowLoop]);
        await using (server)
        {
            log.Started(AgentVersion.Current.Number, settings.Instance, backend.Name, settings.PolicyDirectory, socket.Path);
            await server.StartAsync();
            Task waited = await Task.WhenAny(end.Task, server.WaitForShutdownAsync());
            SayGoodbye(log, board.Current);
            await server.StopAsync();
            await waited;
        }

        return Outcome(policyLoop, flowLoop, end.Task);
    }

    // A loop that broke is a bug and must end the process as one, so that whoever supervises it sees that.
    private static int Outcome(AgentLoop policyLoop, AgentLoop flowLoop, Task<PolicyLoopEnd> end)
    {
        foreach (AgentLoop loop in (ReadOnlySpan<AgentLoop>)[policyLoop, flowLoop])
        {
            if (loop.ExecuteTask is { IsFaulted: true } broken)
            {
                broken.GetAwaiter().GetResult();
            }
        }

        return end is { IsCompletedSuccessfully: true, Result: PolicyLoopEnd.NothingEnforced } ? ExitCode.CouldNot : ExitCode.Done;
    }

    private static void SayGoodbye(LineLogger log, StatusDocument status)
    {
        if (status.Generation > 0)
        {
            log.StoppingEnforced(status.Generation);
        }
        else
        {
            log.StoppingNotEnforced();
        }
    }

    private static StatusDocument Starting(AgentSettings settings, SharedBackend backend) =>
        new(
            settings.Instance.Text,
            AgentVersion.Current.Number,
            backend.Name,
            AgentState.Starting,
            Generation: 0,
            new PolicyDocument(settings.PolicyDirectory, PolicyState.Pending, Problem: null, [], []),
            Units: [],
            Rules: 0,
            new MemoryDocument(0, 0),
            new EventCountsDocument(0, 0, 0)
        );
}
