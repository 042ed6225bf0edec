using System.Collections.Concurrent;
using Datapath.Agent.Files;
using Datapath.Backends;
using Datapath.Backends.Host;

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
/// Keeps the kernel at what the policy directory says for the host as it is: take in, build, apply, publish; again on every change, and when
/// ordered to. Whatever the directory contains, the last good policy stays in force.
/// </summary>
/// <remarks>Its policies: the candidate is the directory, the one in force is what the kernel judges by, the confirmed one is what starts first.</remarks>
internal sealed partial class PolicyLoop
{
    /// <summary>What the kernel refused once it may take later, when memory or an interface is there.</summary>
    public static readonly TimeSpan RetryAfterRefusal = TimeSpan.FromSeconds(10);

    /// <summary>How often it is looked whether somebody took away what enforces; with a busy machine's delay below five seconds.</summary>
    public static readonly TimeSpan GuardInterval = TimeSpan.FromSeconds(3);

    private readonly PolicyLoopReport _report;
    private readonly PolicyAudit _audit;
    private readonly PolicyTrigger _trigger;
    private readonly AttachDelay _attachDelay;
    private readonly ConcurrentQueue<PolicyOrder> _orders = new();

    private PolicyVersion? _candidate;
    private PolicyVersion? _inForce;
    private HostSnapshot? _host;
    private uint _generation;
    private bool _isHostUnread;
    private bool _isEnded;

    /// <summary>A loop that has not started.</summary>
    /// <param name="report">Where it says what it does.</param>
    /// <param name="clock">Times quiet, rescan and retry.</param>
    /// <param name="settings">What the agent was told.</param>
    public PolicyLoop(AgentSettings settings, PolicyLoopReport report, TimeProvider clock)
    {
        Settings = settings;
        Clock = clock;
        _report = report;
        _trigger = new PolicyTrigger(clock);
        _attachDelay = new AttachDelay(clock);
        _trials = new PolicyTrials(settings.StateDirectory, report);
        _audit = new PolicyAudit(new AuditLog(settings.StateDirectory), report, clock);
    }

    /// <summary>What takes policies to the kernel.</summary>
    public required PolicyEnforcer Enforcer { get; init; }

    /// <summary>Where interfaces and addresses come from.</summary>
    public required HostSource Host { get; init; }

    /// <summary>Beats after each round.</summary>
    public required LoopPulse Pulse { get; init; }

    /// <summary>What was begun of it before the loop; null when it begins with it.</summary>
    public BackendStart? Start { get; init; }

    /// <summary>How often the directory is looked at without being told to.</summary>
    public TimeSpan Rescan { get; init; } = PolicyWatch.DefaultRescan;

    private AgentSettings Settings { get; }

    private TimeProvider Clock { get; }

    private SharedBackend Backend => Enforcer.Backend;

    /// <summary>Takes an order, to be carried out after what is being done now. Any thread.</summary>
    /// <param name="order">The order.</param>
    public void Give(PolicyOrder order)
    {
        _orders.Enqueue(order);
        _trigger.Raise(PolicyChange.Order);
        if (Volatile.Read(ref _isEnded))
        {
            RefuseOrders();
        }
    }

    /// <summary>Runs until it is stopped, or until it is clear that there is nothing to run for.</summary>
    /// <param name="stop">Stops it; an apply that is under way is finished first.</param>
    public async Task<PolicyLoopEnd> RunAsync(CancellationToken stop)
    {
        try
        {
            return await FollowAsync(stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return PolicyLoopEnd.Stopped;
        }
        finally
        {
            Volatile.Write(ref _isEnded, true);
            RefuseOrders();
        }
    }

    private async Task<PolicyLoopEnd> FollowAsync(CancellationToken stop)
    {
        Enforcer.Load();
        BackendStart start = Start ?? BackendStart.Of(Backend);
        if (!await AdoptAsync(start))
        {
            return PolicyLoopEnd.NothingEnforced;
        }

        using PolicyWatch files = new(Settings.PolicyDirectory, () => _trigger.Raise(PolicyChange.Files), Clock, Rescan);
        using IDisposable host = Host.Watch(HearHost, _report.HostNotHeard);
        await using ITimer retry = Clock.CreateTimer(_ => _trigger.Raise(PolicyChange.Retry), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        await using ITimer guard = Clock.CreateTimer(_ => _trigger.Raise(PolicyChange.Guard), null, GuardInterval, GuardInterval);
        await using ITimer lease = Clock.CreateTimer(_ => _trigger.Raise(PolicyChange.Lease), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _report.Watching(files.IsPrompt, Rescan);
        await TakeUpTrialAsync(stop);

        PolicyChange change = PolicyChange.Files | PolicyChange.Host;
        while (true)
        {
            bool isToBeTriedAgain = await TakeInAsync(change, stop) is { } news && !Follow(news);
            _audit.Round(change, _generation);
            Publish();
            while (_orders.TryDequeue(out PolicyOrder? order))
            {
                await CarryOutAsync(order, stop);
            }

            if (isToBeTriedAgain || _isHostUnread)
            {
                retry.Change(RetryAfterRefusal, Timeout.InfiniteTimeSpan);
            }

            if (_generation == 0)
            {
                return PolicyLoopEnd.NothingEnforced;
            }

            WatchLease(lease);
            Pulse.Beat();
            change = await _trigger.NextAsync(stop);
            if (change.HasFlag(PolicyChange.Guard))
            {
                Repair();
                change |= Backend.Ask(backend => backend.HasFollowedUnits) ? PolicyChange.Units : PolicyChange.None;
            }
        }
    }

    private async Task<bool> AdoptAsync(BackendStart start)
    {
        try
        {
            _generation = await start.Adopted;
            _report.Adopted(_generation);
            _audit.Adopted(_generation);
            return true;
        }
        catch (BackendException refusal)
        {
            // Nothing is known of what is in force, so nothing may be built on it.
            _report.NotTaken([], [], 0, refusal.Message);
            return false;
        }
    }

    private void Repair()
    {
        try
        {
            if (Backend.Ask(backend => backend.Repair()) is { } repair)
            {
                _generation = repair.Generation;
                _report.Repaired(repair);
                _audit.Repaired(repair.Damage, _generation);
            }
        }
        catch (BackendException refusal)
        {
            _report.NotRepaired(refusal.Message);
        }
    }

    // What there is to follow, null when nothing is new; the same again when it is to be tried again.
    private async Task<PolicyChange?> TakeInAsync(PolicyChange change, CancellationToken stop)
    {
        PolicyChange news = change & (PolicyChange.Retry | PolicyChange.Units);
        // Nothing in force, no lease.
        if (_generation != 0 && SettleLease())
        {
            news |= PolicyChange.Lease;
        }

        if ((change.HasFlag(PolicyChange.Host) || _isHostUnread) && TakeInHost())
        {
            news |= PolicyChange.Host;
        }

        if ((change.HasFlag(PolicyChange.Files) || _candidate is null) && await TakeInFilesAsync(stop))
        {
            news |= PolicyChange.Files;
        }

        return news != PolicyChange.None && _host is not null ? news : null;
    }

    private void HearHost()
    {
        _attachDelay.Hear();
        _trigger.Raise(PolicyChange.Host);
    }

    private bool TakeInHost()
    {
        _attachDelay.Look();
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

    private async Task<bool> TakeInFilesAsync(CancellationToken stop)
    {
        PolicySource source = await PolicyFileReader.ReadDirectoryAsync(Settings.PolicyDirectory, stop);
        if (_candidate is not null && _candidate.IsOf(source))
        {
            return false;
        }

        _candidate = PolicyVersion.Of(source);
        return true;
    }

    // False when it may help to try the same again later.
    private bool Follow(PolicyChange news)
    {
        Enforcer.ReleaseOldNumbers();
        if (_trials.Pending is { } pending)
        {
            bool isDone = news == PolicyChange.Files || KeepOnTrial(pending);
            _report.CandidateDuringTrial(_candidate?.Files ?? [], _candidate?.Hash == pending.Hash);
            return isDone;
        }

        bool isKept = StartWithConfirmed();
        if (_candidate is not { } candidate)
        {
            return isKept;
        }

        if (_trials.IsRolledBack(candidate))
        {
            bool isDone = Keep(news);
            _report.RolledBackCandidate(candidate.Files);
            return isDone;
        }

        Enforcement done = Enforcer.Enforce(candidate, _host!);
        if (!done.IsInForce)
        {
            _report.NotInForce(candidate.Files, done, _generation);
            _audit.Refused(news, done.Obstacle, _generation);
            return Keep(news) && !done.IsToBeTriedAgain;
        }

        _trials.NoteConfirmed(candidate);
        PutInForce(candidate, done, isCandidate: true);
        return !done.IsToBeTriedAgain;
    }

    /// <summary>Start and boot: what was confirmed before, then whatever the directory says now.</summary>
    private bool StartWithConfirmed()
    {
        if (_inForce is not null || _trials.Confirmed is not { } confirmed || IsAboutToBeInForce(confirmed))
        {
            return true;
        }

        Enforcement done = Enforcer.Enforce(confirmed, _host!);
        if (done.IsInForce)
        {
            PutInForce(confirmed, done);
        }

        return !done.IsToBeTriedAgain;
    }

    // The directory says the same. Where it has a file besides that cannot be read, its hash is of the others alone, and it is not put in force.
    private bool IsAboutToBeInForce(PolicyVersion confirmed) =>
        _candidate is { } candidate && candidate.Hash == confirmed.Hash && candidate.Source.Diagnostics.IsEmpty && !_trials.IsRolledBack(candidate);

    /// <summary>Without a candidate to put in force: the policy that is in force follows the host.</summary>
    private bool Keep(PolicyChange news)
    {
        if (news == PolicyChange.Files || _inForce is not { } version)
        {
            return true;
        }

        Enforcement done = Enforcer.Enforce(version, _host!);
        if (done.IsInForce)
        {
            PutInForce(version, done);
        }

        return !done.IsToBeTriedAgain;
    }

    private void PutInForce(PolicyVersion version, Enforcement done, bool isCandidate = false)
    {
        _inForce = version;
        _generation = done.Report!.Generation;
        if (_attachDelay.Note(done.Report.Attachments) is { } delay)
        {
            _report.Metrics.NoteAttachDelay(delay);
        }

        _report.InForce(version.Files, done, isCandidate);
        _audit.InForce(version, done);
    }

    private void Publish()
    {
        Enforcer.Active.Publish(_inForce?.Content, _trials.Confirmed?.Content);
        _report.Lease(Backend.Ask(backend => backend.ReadLease()));
    }
}
