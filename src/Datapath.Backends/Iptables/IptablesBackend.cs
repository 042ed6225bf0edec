using System.Collections.Immutable;
using System.Numerics;
using Datapath.Backends.Host;
using Datapath.Backends.Iptables.Kernel;
using Datapath.Backends.Iptables.Lowering;
using Datapath.Flows;
using Datapath.Interop;
using Datapath.Interop.Netlink;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;

namespace Datapath.Backends.Iptables;

/// <summary>Enforces with iptables and ipset. What it made in the kernel stays when it is disposed; only <see cref="Remove"/> ends enforcement.</summary>
/// <param name="configuration">How it is set up.</param>
public sealed partial class IptablesBackend(IptablesOptions configuration) : IBackend
{
    // From the IP header on: enough for its options or extension headers and the ports behind them.
    private const int LoggedBytes = 256;

    private readonly ObjectNames _names = new(configuration.Instance);
    private readonly ConnectionMarks _marks = new(configuration.ConnectionMarkBit, configuration.RevokedMarkBit, configuration.CgroupMarkBit);
    private readonly PacketDecoder _decoder = new(configuration.Time, MarkLayout.PodBitOf(configuration.PacketMarkMask));
    private readonly VerdictTally _tally = new();
    private XtablesVariant? _variant;
    private PacketLog? _log;
    private PlacedPolicy? _active;
    private PlacedPolicy? _fallback;
    private IptablesLease? _lease;
    private Judged? _judged;
    private Judged? _judgedBefore;
    private string? _intact;
    private bool _areMarksBehind;
    private uint _highest;
    private long _restored;

    /// <inheritdoc/>
    public string Name => "iptables";

    /// <summary>Instances that have chains or sets in this network namespace, in ordinal order.</summary>
    /// <exception cref="BackendException">The kernel refused.</exception>
    public static ImmutableArray<string> FindInstances() => IptablesRemoval.FindInstances();

    /// <summary>The kernel modules that a service may load before the agent starts, when the agent itself shall not be able to.</summary>
    public static ImmutableArray<string> KernelModules => Kernel.KernelModules.OfService;

    /// <inheritdoc/>
    public uint Adopt()
    {
        XtablesVariant variant = Variant();
        InstalledRules present = InstalledRules.Read(_names, variant);
        uint active = present.ActiveGeneration;
        _lease = present.Lease;
        if (active != 0)
        {
            var indexes = HostObserver.Read().Interfaces.ToDictionary(one => one.Name, one => one.Index, StringComparer.Ordinal);
            _decoder.Units = present.Units(active).Where(one => indexes.ContainsKey(one.Interface)).ToDictionary(one => indexes[one.Interface], one => one.Unit);
            Listen();
        }

        // While everything passes, the policy is the one that comes back.
        return _lease is { Kind: LeaseKind.Pause, Back: var paused } ? paused : active;
    }

    /// <inheritdoc/>
    public ApplyReport Apply(CompiledPolicy policy, HostSnapshot host, ApplyOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(host);
        ApplyOptions wanted = options ?? ApplyOptions.None;
        HasFollowedUnits = false;

        // 1. What does not fit is refused before anything is written.
        var judged = new Judged(policy, host);
        LoweredPolicy lowered = Lower(judged);
        Judged? judgedBefore = wanted.Fallback is { } fallback ? new Judged(fallback, host) : null;
        _decoder.Units = judged.Places.Pods.ToDictionary(pod => pod.Interface.Index, pod => pod.Unit.Number);

        // 2. What is there already stays; the rest is put beside it, and the jumps are replaced.
        InstalledRules before = InstalledRules.Read(_names, Variant());
        bool isFirst = before.ActiveGeneration == 0;
        RequireNothingPending(isFirst, wanted);
        before = isFirst ? PrepareFirst(judged, lowered, wanted, before) : before;
        var known = new PlacedPolicy(lowered, before.ActiveGeneration);
        bool isChanged = (_lease, wanted.ConfirmWithin) switch
        {
            (null, null) => Converge(before, known, fallback: null, lease: null),
            (null, { } time) => Begin(LeaseKind.Confirm, time, lease => Converge(before, known with { Generation = 0 }, _active! with { Generation = before.ActiveGeneration }, lease)),
            ({ Kind: LeaseKind.Pause } lease, _) => Converge(before, known with { Policy = PausedPolicy.Of(lowered) }, known with { Generation = lease.Back }, lease),
            ({ } lease, _) => Converge(before, known, new PlacedPolicy(Lower(judgedBefore!), lease.Back), lease),
        };

        (_intact, _refusedAt) = (null, null);
        _tally.Learn(policy);
        CountTraffic();

        // 3. Connections that are open follow the new policy.
        (_judged, _judgedBefore) = (judged, wanted.ConfirmWithin is null ? judgedBefore : _judged);
        if (isChanged || _areMarksBehind)
        {
            _marks.Follow(policy, judged.Places, host, isFirst);
            _areMarksBehind = false;
        }

        Listen();
        return new ApplyReport(Judging, isChanged, Attachments(policy, judged.Places, host), judged.Places.NotEnforced, BytesUsed: 0, BytesAvailable: 0, Matrix: null)
        {
            Tables = [new FlowTableUsage("mark-bits", BitOperations.PopCount(lowered.IPv4.Layout.Used | lowered.IPv6.Layout.Used), BitOperations.PopCount(configuration.PacketMarkMask))],
        };
    }

    /// <inheritdoc/>
    public RepairReport? Repair()
    {
        // What is over is ended, not mended.
        if (_active is not { } active || _lease is { } pending && pending.Left == TimeSpan.Zero)
        {
            return null;
        }

        // Before the rules are read: what changes in between is seen the next time.
        string? look = _lease is null ? Guard(() => RuleFingerprint.Read(_names, Variant())) : null;
        if (look is not null && look == _intact)
        {
            return null;
        }

        InstalledRules present = InstalledRules.Read(_names, Variant());
        if (present.Lease is { IsEnding: true } || DamageOf(present, active) is not { } damage)
        {
            _intact = look;
            return null;
        }

        if (_lease is { } lease && !KeeperProcess.IsAlive(lease.Keeper))
        {
            _lease = lease with { Keeper = KeeperProcess.Start(configuration.LeaseKeeper, lease.Deadline) };
        }

        Converge(present, active with { Generation = present.ActiveGeneration }, _fallback, _lease);
        _restored++;
        return new RepairReport(Judging, damage);
    }

    private string? DamageOf(InstalledRules present, PlacedPolicy active) =>
        present.DamageOf(active, isActive: true)
        ?? (_fallback is { } fallback ? present.DamageOf(fallback, isActive: false) : null)
        ?? (_lease == present.Lease ? null : "iptables: what says until when a trial or pause lasts is gone")
        ?? (_lease is null || KeeperProcess.IsAlive(_lease.Keeper) ? null : "the process that ends a trial or pause is gone");

    /// <inheritdoc/>
    public int ReadEvents(Action<FlowEvent> onEvent)
    {
        ArgumentNullException.ThrowIfNull(onEvent);
        int events = 0;
        Guard(() =>
            _log?.Read(packet =>
            {
                if (_decoder.Decode(packet) is { } one)
                {
                    onEvent(one);
                    events++;
                }
            })
        );
        FollowCgroups();
        return events;
    }

    /// <inheritdoc/>
    /// <remarks>The flows are nf_conntrack's, and so is their collection.</remarks>
    public FlowUsage CollectFlows() => (_active is null ? FlowUsage.None : ConntrackTable.Read()) with { EventsLost = _log?.Overruns ?? 0 };

    /// <inheritdoc/>
    public LiveConnections ReadConnections(int? unit, int most) =>
        _judged is { } judged ? _marks.Read(judged.Policy, judged.Places, judged.Host, unit, most) : LiveConnections.None;

    /// <inheritdoc/>
    public BackendCounters ReadCounters()
    {
        RuleCount[] counts = _variant is { } variant ? [.. InstalledRules.Read(_names, variant).Counts()] : [];
        ImmutableDictionary<int, PacketCount> rules = RuleTotals.Sum(counts);
        return new BackendCounters(
            rules,
            ImmutableDictionary<DropReason, PacketCount>.Empty,
            ImmutableDictionary<string, long>
                .Empty.Add("rules_restored", _restored)
                .Add("events_overrun", _log?.Overruns ?? 0)
                .Add("passed_while_paused", RuleTotals.PassedWhilePaused(counts))
        )
        {
            Verdicts = _tally.Add(rules),
        };
    }

    /// <inheritdoc/>
    public void ZeroCounters(ImmutableArray<int> ruleIndexes)
    {
        if (_variant is not { } variant || ruleIndexes.IsEmpty)
        {
            return;
        }

        InstalledRules present = InstalledRules.Read(_names, variant);
        HashSet<int> zeroed = [.. ruleIndexes];
        for (int family = 0; family < Family.Both.Count; family++)
        {
            RuleCount[] counted = [.. present.Counts(family, chain => chain == _names.TotalsChain)];
            if (counted.Any(one => zeroed.Contains(one.Rule)))
            {
                new Xtables(variant, Family.Both[family]).Restore(new RuleTotals(_names).Keep(counted.Where(one => !zeroed.Contains(one.Rule))));
            }
        }
    }

    /// <inheritdoc/>
    public RemovalReport Remove(bool dryRun)
    {
        RemovalReport report = IptablesRemoval.Remove(_names, _marks, dryRun);
        if (!dryRun)
        {
            Close();
            (_active, _fallback, _lease, _judged, _judgedBefore) = (null, null, null, null, null);
        }

        return report;
    }

    /// <inheritdoc/>
    public void Dispose() => Close();

    private void Close()
    {
        StopCounting();
        _log?.Dispose();
        _log = null;
    }

    private XtablesVariant Variant() => _variant ??= VariantChoice.Find(_names);

    // While everything passes, the policy is the one that comes back.
    private uint Judging => _lease is { Kind: LeaseKind.Pause, Back: var paused } ? paused : _active?.Generation ?? 0;

    private void Listen() => _log ??= Guard(() => new PacketLog((ushort)_names.LogGroup, LoggedBytes));

    private static ImmutableArray<UnitAttachment> Attachments(CompiledPolicy policy, UnitPlaces places, HostSnapshot host)
    {
        IEnumerable<UnitAttachment> pods = places.Pods.Select(pod => At(pod.Unit.Number, pod.Interface));
        IEnumerable<UnitAttachment> uplinks = host
            .Interfaces.Where(one => places.Host is not null && !one.IsLoopback && one.Master == 0 && !policy.ExcludedInterfaces.Contains(one.Name))
            .Where(one => policy.Units.All(unit => unit.Attach != new Attachment(AttachmentKind.Interface, one.Name)))
            .Select(one => At(LocalUnit.HostNumber, one));
        IEnumerable<UnitAttachment> cgroups = places.Cgroups.Select(one => new UnitAttachment(one.Unit.Number, one.Cgroup.Path, 0, "mangle"));
        return [.. pods.Concat(uplinks).Concat(cgroups)];
    }

    private static UnitAttachment At(int unit, HostInterface one) => new(unit, one.Name, one.Index, "mangle");

    /// <summary>The seam speaks of backends, not of system calls.</summary>
    private static T Guard<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (KernelException refusal)
        {
            throw new BackendException(refusal.Message, refusal);
        }
    }
}
