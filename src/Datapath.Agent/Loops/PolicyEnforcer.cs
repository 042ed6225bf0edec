using System.Collections.Immutable;
using Datapath.Backends;
using Datapath.Backends.Host;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Resolution;

namespace Datapath.Agent.Loops;

/// <summary>What came of putting a policy in force.</summary>
internal enum EnforcementEnd
{
    /// <summary>The kernel judges by it.</summary>
    InForce,

    /// <summary>The kernel judges by it, but not yet everywhere.</summary>
    InForceInPart,

    /// <summary>It has errors.</summary>
    Wrong,

    /// <summary>The kernel will not have it; to ask again would not help.</summary>
    NotTaken,

    /// <summary>The kernel would not have it now.</summary>
    NotTakenNow,
}

/// <summary>The same with its details.</summary>
/// <param name="End">What came of it.</param>
/// <param name="Diagnostics">Of every stage that ran.</param>
/// <param name="Policy">The tables; null when there are none.</param>
/// <param name="Report">What the backend did; null when it did nothing.</param>
/// <param name="Problem">Why the kernel would not have it.</param>
/// <param name="Took">From files to kernel.</param>
internal sealed record Enforcement(
    EnforcementEnd End,
    ImmutableArray<Diagnostic> Diagnostics,
    CompiledPolicy? Policy,
    ApplyReport? Report,
    string Problem,
    TimeSpan Took
)
{
    /// <summary>Whether the kernel judges by it.</summary>
    public bool IsInForce => End is EnforcementEnd.InForce or EnforcementEnd.InForceInPart;

    /// <summary>Why the kernel does not judge by it, one sentence; empty when it does.</summary>
    public string Obstacle =>
        Diagnostics.FirstOrDefault(one => End == EnforcementEnd.Wrong && one.Severity == DiagnosticSeverity.Error) is { } error
            ? $"{error.At}: {error.Code}: {error.Message}"
            : Problem;

    /// <summary>What the tables were compiled from; null like these.</summary>
    public ResolvedPolicy? Resolved { get; init; }

    /// <summary>Whether the same may come to more at another time.</summary>
    public bool IsToBeTriedAgain => End is EnforcementEnd.InForceInPart or EnforcementEnd.NotTakenNow;
}

/// <summary>Takes policies from their files to the kernel: build, number, try out, apply, publish the names.</summary>
/// <param name="numbers">The numbers of rules and units.</param>
/// <param name="report">Told of counters that cannot be zeroed.</param>
/// <param name="clock">Times it.</param>
internal sealed class PolicyEnforcer(RuleNumbers numbers, PolicyLoopReport report, TimeProvider clock)
{
    // Ours alone: one build at a time, each quicker by what the last one left.
    private readonly ResolutionMemory _resolution = new();
    private readonly CompilationMemory _compilation = new();

    /// <summary>What decides the meaning of a policy besides its files. Only the policy loop changes it.</summary>
    public required PolicyOptions Options { get; set; }

    /// <summary>What enforces.</summary>
    public required SharedBackend Backend { get; init; }

    /// <summary>Who is told the names behind the numbers.</summary>
    public required EventFeed Feed { get; init; }

    /// <summary>Who explains by the policy that is enforced.</summary>
    public required ActivePolicy Active { get; init; }

    /// <summary>Told of the profile of each policy that is put in force.</summary>
    public Action<ResolvedProfile?> Profile { get; init; } = _ => { };

    /// <summary>Takes up the numbers that an earlier agent has left.</summary>
    public void Load()
    {
        numbers.Load();
        Feed.Rename(FlowNames.Of(numbers.Current, compiled: null, resolved: null));
    }

    /// <summary>Lets numbers be given away again that nothing in the kernel can carry any more; once before each round of policies.</summary>
    public void ReleaseOldNumbers()
    {
        try
        {
            numbers.ReleaseOld(rules =>
                Backend.Ask(backend =>
                {
                    backend.ZeroCounters(rules);
                    return rules;
                })
            );
        }
        catch (BackendException refusal)
        {
            // The numbers wait; there are many more.
            report.CountersNotZeroed(refusal.Message);
        }
    }

    /// <summary>What is wrong with a policy on this host; nothing is changed.</summary>
    /// <param name="version">The policy.</param>
    /// <param name="host">The host.</param>
    public PolicyBuild Check(PolicyVersion version, HostSnapshot host) =>
        PolicyBuild.Of(version.Reading, HostFacts.Inventory(host), Options, numbers.Current);

    /// <summary>Puts a policy in force.</summary>
    /// <param name="version">The policy.</param>
    /// <param name="host">The host as it is.</param>
    /// <param name="confirmWithin">It goes by itself after this time unless confirmed; null for one that stays.</param>
    /// <param name="fallback">While it waits for confirmation: the policy that it would go back to.</param>
    public Enforcement Enforce(PolicyVersion version, HostSnapshot host, TimeSpan? confirmWithin = null, PolicyVersion? fallback = null)
    {
        long start = clock.GetTimestamp();
        HostInventory inventory = HostFacts.Inventory(host);
        RuleIndexes indexes = numbers.Current;
        PolicyBuild? before = null;
        if (fallback is not null)
        {
            before = PolicyBuild.Of(fallback.Reading, inventory, Options, indexes);
            indexes = before.Indexes;
        }

        PolicyBuild build = PolicyBuild.Of(version.Reading, inventory, Options, indexes, _resolution, _compilation);
        if (build.Policy is null || before is { Policy: null })
        {
            return Ended(EnforcementEnd.Wrong, build.Policy is null ? build.Diagnostics : before!.Diagnostics);
        }

        numbers.Use(build.Indexes);
        ApplyOptions options = new()
        {
            ConfirmWithin = confirmWithin,
            Fallback = before?.Policy,
            Canaries = CanarySample.Of(build.Policy, version.Reading.Policy, inventory, Options, clock),
            FallbackCanaries = before?.Policy is { } tables ? CanarySample.Of(tables, fallback!.Reading.Policy, inventory, Options, clock) : [],
        };
        try
        {
            ApplyReport applied = Apply(build.Policy, build.Resolved, host, options);
            numbers.NoteApplied();
            Active.Replace(version.Reading.Policy, inventory, Options, build.Policy.Units);
            Profile(build.Resolved?.Profile);
            EnforcementEnd end = applied.NotEnforced.Any(one => one.MayBeLater) ? EnforcementEnd.InForceInPart : EnforcementEnd.InForce;
            return new Enforcement(end, build.Diagnostics, build.Policy, applied, "", clock.GetElapsedTime(start)) { Resolved = build.Resolved };
        }
        catch (Exception refusal) when (refusal is PolicyTooLargeException or CanaryException)
        {
            return Ended(EnforcementEnd.NotTaken, build.Diagnostics, refusal.Message);
        }
        catch (BackendException refusal)
        {
            return Ended(EnforcementEnd.NotTakenNow, build.Diagnostics, refusal.Message);
        }

        Enforcement Ended(EnforcementEnd end, ImmutableArray<Diagnostic> diagnostics, string problem = "") =>
            new(end, diagnostics, Policy: null, Report: null, problem, clock.GetElapsedTime(start));
    }

    private ApplyReport Apply(CompiledPolicy policy, ResolvedPolicy? resolved, HostSnapshot host, ApplyOptions options) =>
        Backend.Ask(backend =>
        {
            ApplyReport done = backend.Apply(policy, host, options);

            // In the same turn: the next to read events must know the names of the new generation.
            Feed.Rename(FlowNames.Of(numbers.Current, policy, resolved));
            return done;
        });
}
