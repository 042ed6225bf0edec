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
    private readonly ObjectNames _names = new(configuration.Instance);
    private readonly ConnectionMarks _marks = new(configuration.ConnectionMarkBit, configuration.RevokedMarkBit, configuration.CgroupMarkBit);
    private readonly PacketDecoder _decoder = new(configuration.Time, MarkLayout.PodBitOf(configuration.PacketMarkMask));
    private readonly VerdictTally _tally = new();
    private readonly HeldBackTally _heldBack = new();
    private XtablesVariant? _variant;
    private PacketLog? _log;
    private PlacedPolicy? _active;
    private PlacedPolicy? _fallback;
    private IptablesLease? _lease;
    private Judged? _judged;
    private Judged? _judgedBefore;
    private (string Look, InstalledRules Rules)? _found;
    // Whoever judged before us may have died between its switch and what follows it.
    private bool _areMarksBehind = true;
    private uint _highest;

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
        (string? look, InstalledRules present) = Kernel.KernelModules.WithModules(
            variant,
            () => (variant == XtablesVariant.Nft ? Guard(() => RuleFingerprint.Read(_names, variant)) : null, InstalledRules.Read(_names, variant))
        );
        uint active = present.ActiveGeneration;
        // What is in force counts on.
        _found = look is null || active != 0 ? null : (look, present);
        _lease = present.Lease;
        AdoptCounting(present);
        if (active != 0)
        {
            var indexes = HostObserver.Read().Interfaces.ToDictionary(one => one.Name, one => one.Index, StringComparer.Ordinal);
            _decoder.Units = present.Units(active).Where(one => indexes.ContainsKey(one.Interface)).ToDictionary(one => indexes[one.Interface], one => one.Unit);
            TryListen();
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
        var judged = new Judged(policy, host, Variant());
        LoweredPolicy lowered = Lower(judged);
        Judged? judgedBefore = wanted.Fallback is { } fallback ? new Judged(fallback, host, Variant()) : null;
        _decoder.Units = judged.Places.Pods.ToDictionary(pod => pod.Interface.Index, pod => pod.Unit.Number);

        // 2. What is there already stays; the rest is put beside it, and the jumps are replaced.
        InstalledRules before = Present();
        bool isFirst = before.ActiveGeneration == 0;
        RequireNothingEnding(before);
        RequireNothingPending(isFirst, wanted);
        CountTraffic();
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
        _areMarksBehind |= isChanged;
        _tally.Learn(policy);
        (_judged, _judgedBefore) = (judged, wanted.ConfirmWithin is null ? judgedBefore : _judged);

        // 3. Connections that are open follow the new policy. It is in force, whatever is refused from here on.
        ImmutableArray<UnitNotEnforced> behind = LetConnectionsFollow(judged, isFirst);
        TryFollowAfterGap();
        TryListen();
        return new ApplyReport(Judging, isChanged, Attachments(policy, judged.Places, host), [.. judged.Places.NotEnforced, .. behind], BytesUsed: 0, BytesAvailable: 0, Matrix: null)
        {
            Tables = [new FlowTableUsage("mark-bits", BitOperations.PopCount(lowered.IPv4.Layout.Used | lowered.IPv6.Layout.Used), BitOperations.PopCount(configuration.PacketMarkMask))],
        };
    }

    /// <inheritdoc/>
    public int ReadEvents(Action<FlowEvent> onEvent)
    {
        ArgumentNullException.ThrowIfNull(onEvent);
        ListenAgain();
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
    public FlowUsage CollectFlows() => (_active is null ? FlowUsage.None : ConntrackTable.Read()) with { EventsLost = _log?.Lost ?? 0 };

    /// <inheritdoc/>
    public LiveConnections ReadConnections(int? unit, int most) =>
        _judged is { } judged ? _marks.Read(judged.Policy, judged.Places, judged.Host, unit, most) : LiveConnections.None;

    /// <inheritdoc/>
    public BackendCounters ReadCounters()
    {
        InstalledRules? present = _variant is { } variant ? InstalledRules.Read(_names, variant) : null;
        RuleCount[] counts = [.. present?.Counts() ?? []];
        ImmutableDictionary<int, PacketCount> rules = RuleTotals.Sum(counts);
        return new BackendCounters(
            rules,
            ImmutableDictionary<DropReason, PacketCount>.Empty,
            ImmutableDictionary<string, long>
                .Empty.Add("rules_restored", _restored)
                .Add("events_lost", _log?.Lost ?? 0)
                .Add("events_suppressed", _heldBack.Add((present?.Tables ?? []).SelectMany(table => HeldBackTally.Of(table.Rules, _names))))
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
        RemovalReport report = IptablesRemoval.Remove(_names, _marks, configuration.RemovesMarksAlone, dryRun);
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

    // Three programs; the first policy has no need of them where nobody has changed anything since it was looked for an earlier agent's rules.
    private InstalledRules Present()
    {
        (string Look, InstalledRules Rules)? found = _found;
        _found = null;
        return found is { } one && Guard(() => RuleFingerprint.Read(_names, Variant())) == one.Look ? one.Rules : InstalledRules.Read(_names, Variant());
    }

    private XtablesVariant Variant() => _variant ??= VariantChoice.Find(_names);

    // While everything passes, the policy is the one that comes back.
    private uint Judging => _lease is { Kind: LeaseKind.Pause, Back: var paused } ? paused : _active?.Generation ?? 0;

    private ImmutableArray<UnitNotEnforced> LetConnectionsFollow(Judged judged, bool isFirst)
    {
        try
        {
            if (_areMarksBehind)
            {
                _marks.Follow(judged.Policy, judged.Places, judged.Host, isFirst);
                _areMarksBehind = false;
            }

            return [];
        }
        catch (BackendException refusal)
        {
            return [new UnitNotEnforced(LocalUnit.HostNumber, $"connections that are open do not follow the policy yet: {refusal.Message}", MayBeLater: true)];
        }
    }

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
