using Datapath.Agent.Commands;
using Datapath.Agent.Documents;
using Datapath.Agent.Loops;
using Datapath.Agent.Metrics;
using Datapath.Agent.Records;
using Datapath.Agent.Service;
using Datapath.Agent.Sinks;
using Datapath.Backends;
using Datapath.Flows;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Hosting;

namespace Datapath.Agent.Hosting;

/// <summary>A life of the agent: claim the instance, open the kernel, listen, loop, let go.</summary>
/// <param name="settings">What the agent was told.</param>
/// <param name="parts">The kernel, the clock.</param>
/// <param name="log">Where it says what it does.</param>
internal sealed class AgentProcess(AgentSettings settings, AgentParts parts, LineLogger log)
{
    // More than a terminal shows.
    private const int BusyFlows = 100;

    // As many as the kernel's table has; some thirty megabytes when there are so many.
    private const int AccountedFlows = 1 << 17;

    /// <summary>Runs until a signal comes, or until there is nothing to run for.</summary>
    /// <param name="settings">What the agent was told.</param>
    /// <param name="parts">The kernel, the clock.</param>
    /// <param name="error">Takes the log.</param>
    /// <param name="stop">Ends it as a signal does.</param>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(AgentSettings settings, AgentParts parts, TextWriter error, CancellationToken stop)
    {
        try
        {
            using ControlSocket socket = ControlSocket.Claim(settings.Instance, settings.SocketPath, parts.RuntimeDirectory);
            bool isJournal = IsJournal(parts.Variables);
            using JournalSocket? journal = isJournal ? new JournalSocket(JournalSocket.DefaultPath) : null;
            LineLogger log = new(error, parts.Clock, settings.LogFormat, isJournal) { Journal = journal };
            using SharedBackend backend = new(BackendChoice.Open(settings, parts, log, out string reason), reason);
            AgentProcess process = new(settings, parts, log);
            return await process.RunAsync(socket, backend, BackendStart.Of(backend), stop);
        }
        catch (Exception refusal) when (refusal is ControlSocketException or BackendException)
        {
            await error.WriteLineAsync($"datapath: {refusal.Message}");
            return ExitCode.CouldNot;
        }
    }

    private async Task<int> RunAsync(ControlSocket socket, SharedBackend backend, BackendStart start, CancellationToken stop)
    {
        EventFeed feed = new();
        FlowCollection collection = new(backend, log, parts.Clock);
        using RecordLoop records = new(feed, settings.Flows.Interval, parts.Clock) { Ledger = settings.Flows.KeepsAccounts ? new FlowLedger(AccountedFlows) : null };
        SinkPlaces places = new(settings.StateDirectory, $"{Environment.MachineName}/{settings.Instance}");
        SinkSet sinks = new(settings.Flows, places, log, parts.Clock);
        await using ProfileSink profile = new(records, places, settings.Flows.Sinks.Contains(SinkKind.Syslog), log, parts.Clock);
        StatusBoard board = new(Starting(backend), feed, () => collection.Usage, parts.Clock)
        {
            Records = () => new RecordsDocument(records.Records, feed.Records.Dropped, records.FlowCount, records.Displaced, [.. sinks.Report(), .. profile.Report()]),
        };
        MetricSource source = new(() => board.Current, () => backend.Ask(kernel => kernel.ReadCounters()), () => feed.Names, settings.MetricsPerRule, parts.Clock) { Flows = records.Totals };
        using AgentMetrics metrics = new(source, parts.Clock);
        using MetricCollector collector = new(metrics);
        MetricsPage page = new(collector);
        PolicyLoopReport report = new(settings.PolicyDirectory, board, log, parts.Clock) { Metrics = metrics };
        ActivePolicy active = new();
        RuleNumbers numbers = new(new RuleIndexStore(settings.StateDirectory), report, parts.Clock);
        PolicyEnforcer enforcer = new(numbers, report, parts.Clock)
        {
            Options = settings.Options,
            Backend = backend,
            Feed = feed,
            Active = active,
            Profile = of => profile.Follow(of?.Syslog),
        };
        LoopPulse pulse = new(parts.Clock);
        PolicyLoop policy = new(settings, report, parts.Clock)
        {
            Enforcer = enforcer,
            Host = parts.Host,
            Pulse = pulse,
            Start = start,
        };
        using ServiceManager manager = ServiceManager.Of(parts.Variables, parts.Clock);
        ServiceLoop service = new(manager, pulse, () => board.Current, parts.Clock);
        ReloadLoop reload = new(settings.Reread, policy.Give, manager, service, log);
        using IDisposable hangup = parts.OnHangup(reload.Ask);
        FlowLoop flows = new(backend, feed, collection, log);
        TaskCompletionSource<PolicyLoopEnd> end = new(TaskCreationOptions.RunContinuationsAsynchronously);
        AgentLoop policyLoop = new(async stopping => end.SetResult(await policy.RunAsync(stopping)));
        AgentLoop recordLoop = new(stopping => sinks.RunAsync(records, stopping));

        // Stopped in the reverse order: what the flow loop reads last still becomes records.
        AgentLoop[] loops = [recordLoop, .. AccountLoops(records, backend), policyLoop, new AgentLoop(flows.RunAsync), new AgentLoop(reload.RunAsync), new AgentLoop(new SettleLoop(backend, () => board.Current.Generation, parts.Clock).RunAsync), .. MetricsLoop(page, pulse.First)];
        ServedState served = new(board, feed, active, policy.Give)
        {
            Records = new FlowRecords(records, sinks.Files, places),
            Metrics = page,
            Top = () => TopDocument.Of(parts.Clock.GetUtcNow(), records.Busiest(BusyFlows), backend.Ask(kernel => kernel.ReadCounters()), feed.Names),
            Counters = () => CountersDocument.Of(parts.Clock.GetUtcNow(), backend.Ask(kernel => kernel.ReadCounters()), feed.Names),
            Connections = (unit, most) => ConnectionsDocument.Of(parts.Clock.GetUtcNow(), backend.Ask(kernel => kernel.ReadConnections(unit, most)), feed.Names, feed.Starts),
        };
        WebApplication server = AgentServer.Build(socket, served, log, loops, parts);
        await using (server)
        {
            log.Started(AgentVersion.Current.Number, settings.Instance, backend.Name, settings.PolicyDirectory, socket.Path);
            server.Lifetime.ApplicationStopping.Register(() => SayGoodbye(board.Current));
            await server.StartAsync(CancellationToken.None);
            // Not before it listens: who waits for ready asks at once.
            Task informed = service.RunAsync(server.Lifetime.ApplicationStopping);
            await Task.WhenAny(end.Task, server.WaitForShutdownAsync(stop));
            await server.StopAsync(CancellationToken.None);
            await informed;
        }

        return Outcome(loops, end.Task);
    }

    private IEnumerable<AgentLoop> AccountLoops(RecordLoop records, SharedBackend backend) =>
        records.Ledger is null ? [] : [new AgentLoop(new AccountLoop(backend, records, log, parts.Clock).RunAsync)];

    private IEnumerable<AgentLoop> MetricsLoop(MetricsPage page, Task after) =>
        settings.MetricsListen.Place is { } place ? [new AgentLoop(new MetricsServer(place, page, log, parts.Clock) { After = after }.RunAsync)] : [];

    // A loop that broke is a bug and must end the process as one, so that whoever supervises it sees that.
    private static int Outcome(ReadOnlySpan<AgentLoop> loops, Task<PolicyLoopEnd> end)
    {
        foreach (AgentLoop loop in loops)
        {
            if (loop.ExecuteTask is { IsFaulted: true } broken)
            {
                broken.GetAwaiter().GetResult();
            }
        }

        return end is { IsCompletedSuccessfully: true, Result: PolicyLoopEnd.NothingEnforced } ? ExitCode.CouldNot : ExitCode.Done;
    }

    // systemd names the stream that it gave us; standard error may have been redirected since.
    private static bool IsJournal(Func<string, string?> variables) =>
        variables("JOURNAL_STREAM")?.Split(':') is [_, var inode]
        && string.Equals(new FileInfo("/proc/self/fd/2").LinkTarget, $"socket:[{inode}]", StringComparison.Ordinal);

    private void SayGoodbye(StatusDocument status)
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

    private StatusDocument Starting(SharedBackend backend) =>
        new(
            settings.Instance.Text,
            AgentVersion.Current.Number,
            backend.Name,
            AgentState.Starting,
            Generation: 0,
            Confirmed: false,
            Lease: null,
            RolledBack: null,
            new PolicyDocument(settings.PolicyDirectory, PolicyState.Pending, Problem: null, [], []),
            Units: [],
            Rules: 0,
            new MemoryDocument(0, 0, null, 0),
            FlowsDocument.Of(FlowUsage.None),
            new EventCountsDocument(0, 0, 0, 0)
        )
        {
            BackendReason = backend.Reason,
        };
}
