using System.Collections.Immutable;
using Datapath.Backends.Host;
using Datapath.Flows;
using Datapath.Interop;
using Datapath.Interop.Libbpf;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf;

/// <summary>Enforces with tc programs. What it made in the kernel stays when it is disposed; only <see cref="Remove"/> ends enforcement.</summary>
/// <param name="options">How it is set up.</param>
public sealed partial class EbpfBackend(EbpfOptions options) : IBackend
{
    private static readonly TimeSpan LookAtPins = TimeSpan.FromSeconds(1);

    private readonly PinDirectory _pins = new(options.BpfFileSystem, options.Instance);
    private readonly EventDecoder _decoder = new(options.Time);
    private Session? _session;
    private long _lookedAtPins;

    /// <inheritdoc/>
    public string Name => "ebpf";

    /// <summary>Instances that have pins on this machine, or programs in this network namespace, in ordinal order.</summary>
    /// <param name="bpfFileSystem">Where the bpf file system is.</param>
    /// <exception cref="BackendException">The kernel refused.</exception>
    public static ImmutableArray<string> FindInstances(string bpfFileSystem = EbpfOptions.DefaultBpfFileSystem) =>
        Guard(() => EbpfRemoval.FindInstances(bpfFileSystem));

    /// <summary>Where an instance has pins; null when it has none. Asks the file system alone.</summary>
    /// <param name="instance">Whose.</param>
    /// <param name="bpfFileSystem">Where the bpf file system is.</param>
    public static string? FindPins(string instance, string bpfFileSystem = EbpfOptions.DefaultBpfFileSystem) =>
        new PinDirectory(bpfFileSystem, instance).Instance is var path && Directory.Exists(path) ? path : null;

    /// <summary>Why programs cannot be loaded here, one sentence; null when nothing speaks against it.</summary>
    public static string? FindObstacle() =>
        ((IEnumerable<Func<KernelFeature>>)[KernelFeatures.Bpf, () => KernelFeatures.Map(BpfMapType.RingBuffer)])
            .Select(probe => probe())
            .Where(feature => feature.Answer != FeatureAnswer.Yes)
            .Select(feature => $"{feature.Name}: {feature.Reason}")
            .FirstOrDefault();

    /// <inheritdoc/>
    public uint Adopt()
    {
        return Guard(() =>
        {
            if (_session is null && !_pins.Exists() && !LostPins.Restore(_pins))
            {
                return 0u;
            }

            Session session = Open();
            // The programs of the earlier agent are replaced where they are attached; no packet passes in between.
            foreach (uint index in session.Interfaces.Keys.Union(session.FallbackInterfaces.Keys))
            {
                session.Hooks.Renew((int)index);
            }

            session.Cgroups.Renew(_pins);
            session.Early.Renew();
            session.Xdp.Renew();
            return session.Arena.Judging.Id;
        });
    }

    /// <inheritdoc/>
    public ApplyReport Apply(CompiledPolicy policy, HostSnapshot host, ApplyOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(host);
        // An earlier agent may have died before anything was in force: what it left counts for nothing.
        bool first = _isPrepared || (_session is { } open ? open.Arena.Judging.Id == 0 : !_pins.Exists());
        bool hasPredecessor = first && Guard(HasPredecessor);
        try
        {
            ApplyReport report = Guard(() => Apply(Open(rehearses: options?.Canaries.IsEmpty == false), policy, host, options ?? ApplyOptions.None)) with { Warnings = Warnings() };
            _owners = new AddressOwners(policy.Peers, host);
            _isPrepared = false;
            return report;
        }
        catch (Exception refusal) when (first && refusal is BackendException or PolicyTooLargeException or CanaryException)
        {
            if (hasPredecessor)
            {
                LeaveToPredecessor();
            }
            else
            {
                RemoveAfter(refusal);
            }

            throw;
        }
    }

    /// <summary>Whether an agent of another version enforces here.</summary>
    private bool HasPredecessor() =>
        _pins.MapsOfOtherLayouts().Count > 0 || EbpfRemoval.Own(options.Instance, OwnNetworkNamespace.Inode()).Any(one => one.AbiVersion != Abi.Version);

    /// <summary>
    /// Where another version enforces, a refusal of ours must not end that. What we made goes, unless packets are judged by it already at some
    /// hook: then the next start goes on from there.
    /// </summary>
    private void LeaveToPredecessor()
    {
        bool isJudging = _session is { } session && session.Arena.Judging.Id != 0;
        _isPrepared = false;
        Close();
        if (!isJudging)
        {
            Guard(() =>
            {
                _pins.RemoveThisLayout();
                return true;
            });
        }
    }

    /// <summary>Nothing was enforced before, so nothing may be left behind. That it cannot be taken away must not hide why there is nothing.</summary>
    private void RemoveAfter(Exception refusal)
    {
        try
        {
            Remove(dryRun: false);
        }
        catch (BackendException second) when (refusal is BackendException)
        {
            throw new BackendException($"{refusal.Message}; and what was made cannot be taken away: {second.Message}", refusal);
        }
        catch (BackendException)
        {
            // What kind of refusal it is decides what the agent does next; purge says what is left.
        }
    }

    /// <inheritdoc/>
    // Programs are held by pinned links, which nobody takes away by mistake; a filter that was is put back with the next apply.
    public RepairReport? Repair() => null;

    /// <inheritdoc/>
    public bool HasFollowedUnits => _session?.Cgroups.HasFollowed ?? false;

    /// <inheritdoc/>
    public int ReadEvents(Action<FlowEvent> onEvent)
    {
        if (_session is not { } session)
        {
            return 0;
        }

        session.OnEvent = onEvent;
        return Guard(() =>
        {
            KeepPinned(session);
            session.Cgroups.Look();
            session.Early.Look();
            return session.Events.Consume();
        });
    }

    /// <inheritdoc/>
    public bool LooksForCgroups => _session?.Cgroups.HasUnits ?? false;

    /// <inheritdoc/>
    public BackendCounters ReadCounters() => _session is { } session ? Guard(() => CounterReader.Read(session.Loaded)) : CounterReader.None;

    /// <inheritdoc/>
    public void ZeroCounters(ImmutableArray<int> ruleIndexes) =>
        Guard(() => _session is { } session ? CounterReader.Zero(session.Loaded, ruleIndexes) : 0);

    /// <inheritdoc/>
    public FlowUsage CollectFlows() => _session is { } session ? Guard(() => CollectFlows(session)) : FlowUsage.None;

    /// <inheritdoc/>
    public RemovalReport Remove(bool dryRun)
    {
        if (!dryRun)
        {
            Close();
            _isPrepared = false;
        }

        return Guard(() => EbpfRemoval.Remove(_pins, options.Instance, dryRun));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        RemovePrepared();
        Close();
    }

    /// <summary>The seam speaks of backends, not of system calls.</summary>
    private static T Guard<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception refusal) when (refusal is KernelException or IOException or UnauthorizedAccessException)
        {
            throw new BackendException(refusal.Message, refusal);
        }
    }
}
