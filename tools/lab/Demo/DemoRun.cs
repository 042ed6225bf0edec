using System.Collections.Immutable;
using Datapath.Lab.Agents;
using Datapath.Lab.Networks;

namespace Datapath.Lab.Demo;

/// <summary>The demo: a policy file decides real packets, also while the agent is dead, and leaves no trace.</summary>
/// <param name="options">Where everything is.</param>
/// <param name="report">Where to print.</param>
internal sealed class DemoRun(DemoOptions options, DemoReport report)
{
    /// <summary>Runs it.</summary>
    /// <param name="cancellation">Stops; everything that was made is removed.</param>
    /// <returns>Whether everything was as expected.</returns>
    public async Task<bool> RunAsync(CancellationToken cancellation)
    {
        var table = Path.Combine(options.ExamplePath, "expected.txt");
        var attempts = ExpectedTable.Read(table, await File.ReadAllTextAsync(table, cancellation));
        await using var lab = await ThreeTierLab.CreateAsync(options.Prefix, cancellation);
        var site = options.SiteOn(lab.Router);
        CopyPolicy(site.PolicyPath);
        lab.Serve(attempts);
        report.Say($"lab: router (the protected host), pods web and db, client outside; namespaces {options.Prefix}-*");
        await ShowNetworkWorksAsync(lab, attempts, cancellation);

        var traces = new KernelTraces(options.Instance, lab.Router, ThreeTierLab.RouterInterfaces);
        try
        {
            var pinned = await ShowEnforcementAsync(lab, site, attempts, traces, cancellation);
            await ShowAdoptionAsync(lab, site, attempts, pinned, traces, cancellation);
        }
        finally
        {
            await site.PurgeAsync();
        }

        return await ShowNoTraceAsync(traces, cancellation) && report.Differences == 0;
    }

    private void CopyPolicy(string target)
    {
        Directory.CreateDirectory(target);
        foreach (var file in Directory.EnumerateFiles(options.ExamplePath, "*.yaml"))
        {
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        }
    }

    /// <summary>Without an agent everything is answered; otherwise a reject would prove nothing.</summary>
    private async Task ShowNetworkWorksAsync(ThreeTierLab lab, ImmutableArray<Attempt> attempts, CancellationToken cancellation)
    {
        var runner = new AttemptRunner(lab, watch: null);
        foreach (var attempt in attempts)
        {
            var outcome = await runner.RunAsync(attempt with { IsAllowed = true }, cancellation);
            if (!outcome.WasAnswered)
            {
                throw new LabException($"without an agent {attempt.To} does not answer {attempt.From} on {attempt.What.Text}");
            }
        }

        report.Say($"without the agent: all {attempts.Length} attempts are answered");
    }

    private async Task<ImmutableHashSet<string>> ShowEnforcementAsync(
        ThreeTierLab lab,
        AgentSite site,
        ImmutableArray<Attempt> attempts,
        KernelTraces traces,
        CancellationToken cancellation
    )
    {
        await using var agent = await site.StartAsync([], cancellation);
        var pinned = await traces.RecordAsync(cancellation);
        report.Say($"agent: process {agent.ProcessId}, {options.BackendTitle}, policy {options.ExamplePath}, {pinned.Count} kernel objects that stay");
        await TryAllAsync(lab, agent, attempts, cancellation);

        await agent.KillAsync();
        report.Say($"\nagent killed (signal 9): process {agent.ProcessId} is gone, the policy is not");
        await TryAllAsync(lab, agent: null, WithoutAgent(attempts), cancellation);
        return pinned;
    }

    private async Task ShowAdoptionAsync(
        ThreeTierLab lab,
        AgentSite site,
        ImmutableArray<Attempt> attempts,
        ImmutableHashSet<string> pinned,
        KernelTraces traces,
        CancellationToken cancellation
    )
    {
        await using var agent = await site.StartAsync([], cancellation);
        var kept = pinned.Intersect(await traces.RecordAsync(cancellation));
        report.Compare($"\nagent restarted: process {agent.ProcessId} adopted {kept.Count} of {pinned.Count} kernel objects", kept.Count == pinned.Count);
        await TryAllAsync(lab, agent, WithoutAgent(attempts), cancellation);
    }

    private async Task TryAllAsync(ThreeTierLab lab, RunningAgent? agent, ImmutableArray<Attempt> attempts, CancellationToken cancellation)
    {
        await using var watch = agent is null ? null : await FlowWatch.OpenAsync(agent.Api, cancellation);
        var runner = new AttemptRunner(lab, watch);
        report.Heading();
        foreach (var attempt in attempts)
        {
            report.Attempt(await runner.RunAsync(attempt, cancellation));
        }
    }

    /// <summary>One attempt of each verdict and family is enough to see that the kernel goes on alone.</summary>
    private static ImmutableArray<Attempt> WithoutAgent(ImmutableArray<Attempt> attempts) =>
        [.. attempts.DistinctBy(attempt => (attempt.IsAllowed, attempt.Family, attempt.What.Protocol))];

    private async Task<bool> ShowNoTraceAsync(KernelTraces traces, CancellationToken cancellation)
    {
        var found = await traces.FindAsync(cancellation);
        foreach (var trace in found)
        {
            report.Say($"left behind: {trace}");
        }

        report.Say(found.IsEmpty ? "\npurged: no program, map, link, pin, filter, qdisc, chain or set of it is left" : "\npurge left something behind");
        return found.IsEmpty;
    }
}
