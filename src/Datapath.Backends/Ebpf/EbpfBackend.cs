using System.Collections.Immutable;
using System.Diagnostics;
using Datapath.Backends.Ebpf.Image;
using Datapath.Backends.Host;
using Datapath.Flows;
using Datapath.Interop;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf;

/// <summary>Enforces with tc programs. What it made in the kernel stays when it is disposed; only <see cref="Remove"/> ends enforcement.</summary>
/// <param name="options">How it is set up.</param>
public sealed class EbpfBackend(EbpfOptions options) : IBackend
{
    private readonly PinDirectory _pins = new(options.BpfFileSystem, options.Instance);
    private readonly EventDecoder _decoder = new(options.Time);
    private Session? _session;

    /// <inheritdoc/>
    public string Name => "ebpf";

    /// <summary>Instances that have pins on this machine, or programs in this network namespace, in ordinal order.</summary>
    /// <param name="bpfFileSystem">Where the bpf file system is.</param>
    /// <exception cref="BackendException">The kernel refused.</exception>
    public static ImmutableArray<string> FindInstances(string bpfFileSystem = EbpfOptions.DefaultBpfFileSystem) =>
        Guard(() => EbpfRemoval.FindInstances(bpfFileSystem));

    /// <inheritdoc/>
    public uint Adopt()
    {
        if (_session is null && !_pins.Exists())
        {
            return 0;
        }

        return Guard(() =>
        {
            Session session = Open();
            // The programs of the earlier agent are replaced where they are attached; no packet passes in between.
            foreach (uint index in session.Interfaces.Keys())
            {
                session.Hooks.Renew((int)index);
            }

            return session.Arena.ActiveGeneration;
        });
    }

    /// <inheritdoc/>
    public ApplyReport Apply(CompiledPolicy policy, HostSnapshot host)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(host);
        bool first = _session is null && !_pins.Exists();
        try
        {
            return Guard(() => Apply(Open(), policy, host)) with { Warnings = PinsAtRisk.Warnings(options.BpfFileSystem) };
        }
        catch (Exception refusal) when (first && refusal is BackendException or PolicyTooLargeException)
        {
            // Nothing was enforced before, so nothing may be left behind.
            Remove(dryRun: false);
            throw;
        }
    }

    /// <inheritdoc/>
    public int ReadEvents(Action<FlowEvent> onEvent)
    {
        if (_session is not { } session)
        {
            return 0;
        }

        session.OnEvent = onEvent;
        return Guard(session.Events.Consume);
    }

    /// <inheritdoc/>
    public BackendCounters ReadCounters() => _session is { } session ? Guard(() => CounterReader.Read(session.Loaded)) : CounterReader.None;

    /// <inheritdoc/>
    public void ZeroCounters(ImmutableArray<int> ruleIndexes) =>
        Guard(() => _session is { } session ? CounterReader.Zero(session.Loaded, ruleIndexes) : 0);

    /// <inheritdoc/>
    public FlowUsage CollectFlows() => _session is { } session ? Guard(session.Flows.Collect) : FlowUsage.None;

    /// <inheritdoc/>
    public RemovalReport Remove(bool dryRun)
    {
        if (!dryRun)
        {
            Close();
        }

        return Guard(() => EbpfRemoval.Remove(_pins, options.Instance, dryRun));
    }

    /// <inheritdoc/>
    public void Dispose() => Close();

    /// <summary>The loaded object and what is open of it.</summary>
    private sealed class Session : IDisposable
    {
        public Session(EbpfOptions options, PinDirectory pins, EventDecoder decoder)
        {
            Loaded = SegmentObject.Load(options, pins, out FlowTimeouts timeouts);
            Arena = new Arena(Loaded);
            Host = new HostTables(Loaded);
            Flows = new FlowCollector(Loaded, timeouts);
            Hooks = new AttachedHooks(Loaded, pins, MechanismOf(options.TcHook));
            Events = new RingBuffer(
                Loaded.Map(DpMaps.Events),
                record =>
                {
                    if (decoder.Decode(record) is { } one)
                    {
                        OnEvent?.Invoke(one);
                    }
                }
            );
        }

        public BpfObject Loaded { get; }

        public Arena Arena { get; }

        public HostTables Host { get; }

        public AttachedHooks Hooks { get; }

        public FlowCollector Flows { get; }

        public RingBuffer Events { get; }

        public Action<FlowEvent>? OnEvent { get; set; }

        public BpfMap<uint, DpInterface> Interfaces => Loaded.Map(DpMaps.Interfaces);

        public void Dispose()
        {
            Events.Dispose();
            Arena.Dispose();
            Loaded.Dispose();
        }
    }

    private static TcMechanism MechanismOf(TcHookChoice choice) =>
        choice switch
        {
            TcHookChoice.Auto => TcMechanism.Best,
            TcHookChoice.Tcx => TcMechanism.Tcx,
            TcHookChoice.Clsact => TcMechanism.Clsact,
            _ => throw new UnreachableException($"tc hook {choice}"),
        };

    private Session Open()
    {
        if (_session is not null)
        {
            return _session;
        }

        _pins.Create();
        var session = new Session(options, _pins, _decoder);
        try
        {
            session.Arena.Claim(options.Instance, OwnNetworkNamespace.Inode());
        }
        catch
        {
            session.Dispose();
            throw;
        }

        return _session = session;
    }

    private void Close()
    {
        _session?.Dispose();
        _session = null;
    }

    private static ApplyReport Apply(Session session, CompiledPolicy policy, HostSnapshot host)
    {
        PolicyImage image = PolicyImageEncoder.Encode(policy);
        DesiredAttachments desired = DesiredAttachments.Of(policy, host);
        bool changes = session.Arena.ActiveChecksum != image.Checksum() || session.Arena.ActiveGeneration == 0;
        bool isFirst = session.Arena.ActiveGeneration == 0;
        long available = session.Arena.FreeBytes;

        // 1. What does not fit is refused before anything is written.
        RequireRoomForRules(session, policy);
        HostTables.RequireRoom(session.Interfaces.Map, desired.Interfaces.Count);
        session.Host.RequireRoom(host);
        if (changes)
        {
            session.Arena.RequireRoom(image);
        }

        // 2. Networks before the switch: they are the same whichever policy is active.
        session.Host.PutNetworks(host);
        session.Host.RemoveVlans(host);
        // 3. Write, read back, switch, wait.
        if (changes)
        {
            Switch(session, image, desired);
        }

        // 4. Units that come are judged by the policy that knows them.
        (ImmutableArray<UnitAttachment> attached, ImmutableArray<UnitNotEnforced> gone) = AttachAll(session, desired, isFirst);
        // 5. What nobody is judged by any more goes when everything is in place that judges instead.
        session.Host.PutVlans(host, index => desired.Interfaces.ContainsKey((uint)index) && !attached.Any(one => one.InterfaceIndex == index));
        ReleaseOthers(session, desired);
        return new ApplyReport(session.Arena.ActiveGeneration, changes, attached, [.. desired.NotEnforced, .. gone], image.Bytes, available);
    }

    /// <summary>Interfaces that change hands do so with the switch itself: until then their entries say both.</summary>
    private static void Switch(Session session, PolicyImage image, DesiredAttachments desired)
    {
        Arena arena = session.Arena;
        KernelTables.Put(
            session.Interfaces,
            InterfaceHandover.BeforeSwitch(session.Interfaces.Entries(), desired.Interfaces, arena.ActiveGeneration, arena.NextGeneration)
        );
        arena.Publish(image);
    }

    private static void RequireRoomForRules(Session session, CompiledPolicy policy)
    {
        int highest = policy.Rules.IsEmpty ? 0 : policy.Rules[^1].Index;
        uint room = session.Loaded.Map(DpMaps.RuleCounts).Map.MaxEntries;
        if (highest >= room)
        {
            throw new PolicyTooLargeException("rule counters", highest + 1L, room, "entries");
        }
    }

    private static void ReleaseOthers(Session session, DesiredAttachments desired)
    {
        foreach (uint index in KernelTables.RemoveOthers(session.Interfaces, desired.Interfaces))
        {
            session.Hooks.Release((int)index);
        }
    }

    private static (ImmutableArray<UnitAttachment> Attached, ImmutableArray<UnitNotEnforced> Gone) AttachAll(
        Session session,
        DesiredAttachments desired,
        bool isFirst
    )
    {
        KernelTables.Put(session.Interfaces, desired.Interfaces);
        var attached = ImmutableArray.CreateBuilder<UnitAttachment>();
        var gone = ImmutableArray.CreateBuilder<UnitNotEnforced>();
        foreach ((int unit, HostInterface one) in desired.Places)
        {
            try
            {
                if (EnsureIfPresent(session, one.Index) is { } hooks)
                {
                    attached.Add(new UnitAttachment(unit, one.Name, one.Index, hooks));
                }
                else
                {
                    gone.Add(new UnitNotEnforced(unit, $"interface {one.Name} went away"));
                }
            }
            catch (KernelException refusal) when (!isFirst)
            {
                // The policy is in force already: to call all of it refused because of one place would be untrue, and would keep it from
                // the places that come after.
                gone.Add(new UnitNotEnforced(unit, $"interface {one.Name}: {refusal.Message}", MayBeLater: true));
            }
        }

        return (attached.ToImmutable(), gone.ToImmutable());
    }

    /// <summary>The mechanism in use; null when the interface went away after we looked, which its own notice will tell.</summary>
    private static string? EnsureIfPresent(Session session, int interfaceIndex)
    {
        try
        {
            return session.Hooks.Ensure(interfaceIndex);
        }
        catch (KernelException refusal) when (refusal.Number == Errno.NoDevice)
        {
            return null;
        }
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
