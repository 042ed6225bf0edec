using System.Collections.Immutable;
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
    private readonly ConnectionMarks _marks = new(configuration.ConnectionMarkBit);
    private readonly RuleTotals _totals = new();
    private readonly PacketDecoder _decoder = new(configuration.Time, MarkLayout.HostBitOf(configuration.PacketMarkMask));
    private XtablesVariant? _variant;
    private PacketLog? _log;
    private LoweredPolicy? _applied;
    private uint _generation;
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
        _generation = present.ActiveGeneration;
        if (_generation != 0)
        {
            var indexes = HostObserver.Read().Interfaces.ToDictionary(one => one.Name, one => one.Index, StringComparer.Ordinal);
            _decoder.Units = present.Units(_generation).Where(one => indexes.ContainsKey(one.Interface)).ToDictionary(one => indexes[one.Interface], one => one.Unit);
            Listen();
        }

        return _generation;
    }

    /// <inheritdoc/>
    public ApplyReport Apply(CompiledPolicy policy, HostSnapshot host, ApplyOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(host);
        if (options?.ConfirmWithin is not null)
        {
            throw new BackendException($"iptables cannot go back by itself: {Remedy}, or apply without --confirm-within");
        }

        // 1. What does not fit is refused before anything is written.
        UnitPlaces places = UnitPlaces.Of(policy, host);
        LoweredPolicy lowered = PolicyLowering.Lower(policy, places, configuration);
        _decoder.Units = places.Pods.ToDictionary(pod => pod.Interface.Index, pod => pod.Unit.Number);

        // 2. What is there already stays.
        XtablesVariant variant = Variant();
        InstalledRules before = InstalledRules.Read(_names, variant);
        bool isFirst = before.ActiveGeneration == 0;
        bool isSame = !isFirst && before.ChecksumOf(before.ActiveGeneration) == lowered.Checksum && before.DamageOf(lowered, before.ActiveGeneration) is null;
        if (isSame)
        {
            _generation = before.ActiveGeneration;
        }
        else
        {
            Replace(variant, lowered, before);
            // 5. Connections that are open follow the new policy.
            _marks.Follow(policy, places, host, isFirst);
        }

        _applied = lowered;
        Listen();
        return new ApplyReport(_generation, !isSame, Attachments(policy, places, host), places.NotEnforced, BytesUsed: 0, BytesAvailable: 0, Matrix: null);
    }

    /// <inheritdoc/>
    public RepairReport? Repair()
    {
        if (_applied is not { } applied || _variant is not { } variant)
        {
            return null;
        }

        InstalledRules present = InstalledRules.Read(_names, variant);
        if (present.DamageOf(applied, _generation) is not { } damage)
        {
            return null;
        }

        Replace(variant, applied, present);
        _restored++;
        return new RepairReport(_generation, damage);
    }

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
        return events;
    }

    /// <inheritdoc/>
    /// <remarks>The flows are nf_conntrack's, and so is their collection.</remarks>
    public FlowUsage CollectFlows() => FlowUsage.None;

    /// <inheritdoc/>
    public BackendCounters ReadCounters()
    {
        ImmutableDictionary<int, PacketCount> rules = _variant is { } variant
            ? _totals.With(InstalledRules.Read(_names, variant).Counts(_ => true))
            : ImmutableDictionary<int, PacketCount>.Empty;
        return new BackendCounters(
            rules,
            ImmutableDictionary<DropReason, PacketCount>.Empty,
            ImmutableDictionary<string, long>.Empty.Add("rules_restored", _restored).Add("events_overrun", _log?.Overruns ?? 0)
        );
    }

    /// <inheritdoc/>
    public void ZeroCounters(ImmutableArray<int> ruleIndexes) => _totals.Forget(ruleIndexes);

    /// <inheritdoc/>
    public RemovalReport Remove(bool dryRun)
    {
        RemovalReport report = IptablesRemoval.Remove(_names, configuration.ConnectionMarkBit, dryRun);
        if (!dryRun)
        {
            Close();
            _applied = null;
        }

        return report;
    }

    /// <inheritdoc/>
    public void Dispose() => Close();

    private void Close()
    {
        _log?.Dispose();
        _log = null;
    }

    private XtablesVariant Variant() => _variant ??= VariantChoice.Find(_names);

    // Beside the old policy, switch, then take the old one away with what it counted.
    private void Replace(XtablesVariant variant, LoweredPolicy lowered, InstalledRules before)
    {
        uint generation = Math.Max(_generation, before.HighestGeneration) + 1;
        var installer = new RuleInstaller(_names, variant);
        // 3. New sets and chains, then one transaction per family that replaces the jumps.
        Install(installer, variant, lowered, generation, before);
        _generation = generation;
        // 4. The old ones count no more: what they counted is kept, and they go.
        InstalledRules after = InstalledRules.Read(_names, variant);
        _totals.Add(after.Counts(one => one != generation));
        installer.RemoveOthers(generation, after);
    }

    private static void Install(RuleInstaller installer, XtablesVariant variant, LoweredPolicy lowered, uint generation, InstalledRules before)
    {
        try
        {
            ConnectionMarks.Probe();
            installer.Install(lowered, generation, before);
        }
        catch (BackendException refusal)
        {
            // Perhaps for want of a module that the kernel does not load by itself.
            ImmutableArray<string> missing = Kernel.KernelModules.LoadMissing(variant);
            try
            {
                ConnectionMarks.Probe();
                installer.Install(lowered, generation, before);
            }
            catch (BackendException) when (!missing.IsEmpty)
            {
                throw new BackendException($"{refusal.Message}; these kernel modules cannot be loaded: {string.Join(", ", missing)}", refusal);
            }
        }
    }

    private void Listen() => _log ??= Guard(() => new PacketLog((ushort)_names.LogGroup, LoggedBytes));

    private static ImmutableArray<UnitAttachment> Attachments(CompiledPolicy policy, UnitPlaces places, HostSnapshot host)
    {
        IEnumerable<UnitAttachment> pods = places.Pods.Select(pod => At(pod.Unit.Number, pod.Interface));
        IEnumerable<UnitAttachment> uplinks = host
            .Interfaces.Where(one => places.Host is not null && !one.IsLoopback && one.Master == 0 && !policy.ExcludedInterfaces.Contains(one.Name))
            .Where(one => policy.Units.All(unit => unit.Attach != new Attachment(AttachmentKind.Interface, one.Name)))
            .Select(one => At(LocalUnit.HostNumber, one));
        return [.. pods.Concat(uplinks)];
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
