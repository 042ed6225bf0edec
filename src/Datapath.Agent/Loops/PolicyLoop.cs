using System.Collections.Immutable;
using System.Diagnostics;
using Datapath.Agent.Files;
using Datapath.Backends;
using Datapath.Backends.Host;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets;

namespace Datapath.Agent.Loops;

/// <summary>How a policy loop ended.</summary>
internal enum PolicyLoopEnd
{
    /// <summary>It was asked to; what was enforced still is.</summary>
    Stopped,

    /// <summary>The first policy could not be enforced and none was before: an agent that enforces nothing must not look alive.</summary>
    NothingEnforced,
}

/// <summary>
/// Keeps the kernel at what the policy directory says for the host as it is: take in, build, apply, publish; again on every change.
/// Whatever the directory contains, the last good policy stays in force.
/// </summary>
internal sealed class PolicyLoop
{
    /// <summary>What the kernel refused once it may take later, when memory or an interface is there.</summary>
    public static readonly TimeSpan RetryAfterRefusal = TimeSpan.FromSeconds(10);

    private readonly PolicyLoopReport _report;
    private readonly RuleNumbers _numbers;
    private readonly PolicyTrigger _trigger;

    // Ours alone: one compilation at a time, each quicker by what the last one left.
    private readonly CompilationMemory _memory = new();

    private PolicySource? _source;
    private PolicyReading? _reading;
    private HostSnapshot? _host;
    private uint _generation;
    private bool _isHostUnread;

    /// <summary>A loop that has not started.</summary>
    /// <param name="report">Where it says what it does.</param>
    /// <param name="clock">Times quiet, rescan and retry.</param>
    /// <param name="settings">What the agent was told.</param>
    public PolicyLoop(AgentSettings settings, PolicyLoopReport report, TimeProvider clock)
    {
        Settings = settings;
        Clock = clock;
        _report = report;
        _numbers = new RuleNumbers(new RuleIndexStore(settings.StateDirectory), report, clock);
        _trigger = new PolicyTrigger(clock);
    }

    /// <summary>What enforces.</summary>
    public required SharedBackend Backend { get; init; }

    /// <summary>Who is told the names behind the numbers.</summary>
    public required EventFeed Feed { get; init; }

    /// <summary>Who explains by the policy that is enforced.</summary>
    public required ActivePolicy Active { get; init; }

    /// <summary>Where interfaces and addresses come from.</summary>
    public required HostSource Host { get; init; }

    /// <summary>How often the directory is looked at without being told to.</summary>
    public TimeSpan Rescan { get; init; } = PolicyWatch.DefaultRescan;

    private AgentSettings Settings { get; }

    private TimeProvider Clock { get; }

    /// <summary>Runs until it is stopped, or until it is clear that there is nothing to run for.</summary>
    /// <param name="stop">Stops it; an apply that is under way is finished first.</param>
    public async Task<PolicyLoopEnd> RunAsync(CancellationToken stop)
    {
        _numbers.Load();
        Feed.Rename(PolicyNames.Of(_numbers.Current, policy: null));
        if (!Adopt())
        {
            return PolicyLoopEnd.NothingEnforced;
        }

        using PolicyWatch files = new(Settings.PolicyDirectory, () => _trigger.Raise(PolicyChange.Files), Clock, Rescan);
        using IDisposable host = Host.Watch(() => _trigger.Raise(PolicyChange.Host), _report.HostNotHeard);
        await using ITimer retry = Clock.CreateTimer(_ => _trigger.Raise(PolicyChange.Retry), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _report.Watching(files.IsPrompt, Rescan);

        PolicyChange change = PolicyChange.Files | PolicyChange.Host;
        try
        {
            while (true)
            {
                bool isToBeTriedAgain = await TakeInAsync(change, stop) && !BuildAndApply();
                if (isToBeTriedAgain || _isHostUnread)
                {
                    retry.Change(RetryAfterRefusal, Timeout.InfiniteTimeSpan);
                }

                if (_generation == 0)
                {
                    return PolicyLoopEnd.NothingEnforced;
                }

                change = await _trigger.NextAsync(stop);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return PolicyLoopEnd.Stopped;
        }
    }

    private bool Adopt()
    {
        try
        {
            _generation = Backend.Ask(backend => backend.Adopt());
            _report.Adopted(_generation);
            return true;
        }
        catch (BackendException refusal)
        {
            // Nothing is known of what is in force, so nothing may be built on it.
            _report.NotTaken([], [], 0, refusal.Message);
            return false;
        }
    }

    // True when there is something new to build, or the last build is to be tried again.
    private async Task<bool> TakeInAsync(PolicyChange change, CancellationToken stop)
    {
        bool isNew = change.HasFlag(PolicyChange.Retry);
        if (change.HasFlag(PolicyChange.Host) || _isHostUnread)
        {
            isNew |= TakeInHost();
        }

        if (change.HasFlag(PolicyChange.Files))
        {
            PolicySource source = await PolicyFileReader.ReadDirectoryAsync(Settings.PolicyDirectory, stop);
            isNew |= TakeInFiles(source);
        }

        return isNew && _host is not null;
    }

    private bool TakeInHost()
    {
        try
        {
            HostSnapshot now = Host.Read();
            bool isNew = _host is null || !HostFacts.AreEqual(_host, now);
            _host = now;
            _isHostUnread = false;
            return isNew;
        }
        catch (BackendException refusal)
        {
            // Its change was told once and will not be told again.
            _isHostUnread = true;
            _report.HostNotRead(refusal.Message);
            return false;
        }
    }

    private bool TakeInFiles(PolicySource source)
    {
        bool isSame =
            _source is not null
            && source.Files.SequenceEqual(_source.Files)
            && source.Diagnostics.SequenceEqual(_source.Diagnostics);
        if (isSame)
        {
            return false;
        }

        _source = source;
        _reading = PolicyBuild.Read(source);
        return true;
    }

    // False when it may help to try the same again later.
    private bool BuildAndApply()
    {
        (PolicySource source, PolicyReading reading, HostSnapshot host) = (_source, _reading, _host) switch
        {
            ({ } brought, { } read, { } seen) => (brought, read, seen),
            _ => throw new UnreachableException("a policy is built after files and host were taken in"),
        };
        long start = Clock.GetTimestamp();
        ReleaseOldNumbers();
        ImmutableArray<string> files = [.. source.Files.Select(file => file.Name)];
        PolicyBuild build = PolicyBuild.Of(reading, HostFacts.Inventory(host), Settings.Options, _numbers.Current, _memory);
        if (build.Policy is null)
        {
            _report.Refused(files, build.Diagnostics, _generation);
            return true;
        }

        _numbers.Use(build.Indexes);
        return Apply(build.Policy, host, files, build.Diagnostics, start);
    }

    private void ReleaseOldNumbers()
    {
        try
        {
            _numbers.ReleaseOld(rules =>
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
            _report.CountersNotZeroed(refusal.Message);
        }
    }

    private bool Apply(
        CompiledPolicy policy,
        HostSnapshot host,
        ImmutableArray<string> files,
        ImmutableArray<Diagnostic> diagnostics,
        long start
    )
    {
        try
        {
            ApplyReport applied = Backend.Ask(backend =>
            {
                ApplyReport done = backend.Apply(policy, host);

                // In the same turn: the next to read events must know the names of the new generation.
                Feed.Rename(PolicyNames.Of(_numbers.Current, policy));
                return done;
            });
            _generation = applied.Generation;
            _numbers.NoteApplied();
            Active.Replace(_reading!.Policy, HostFacts.Inventory(host), Settings.Options);
            _report.Applied(files, diagnostics, policy, applied, Clock.GetElapsedTime(start));
            return !applied.NotEnforced.Any(one => one.MayBeLater);
        }
        catch (PolicyTooLargeException refusal)
        {
            _report.NotTaken(files, diagnostics, _generation, refusal.Message);
            return true;
        }
        catch (BackendException refusal)
        {
            _report.NotTaken(files, diagnostics, _generation, refusal.Message);
            return false;
        }
    }
}
