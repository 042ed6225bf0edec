using System.Collections.Immutable;
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
        bool first = _session is null && !_pins.Exists();
        try
        {
            ApplyReport report = Guard(() => Apply(Open(rehearses: options?.Canaries.IsEmpty == false), policy, host, options ?? ApplyOptions.None)) with { Warnings = Warnings() };
            _owners = new AddressOwners(policy.Peers, host);
            return report;
        }
        catch (Exception refusal) when (first && refusal is BackendException or PolicyTooLargeException or CanaryException)
        {
            RemoveAfter(refusal);
            throw;
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
        }

        return Guard(() => EbpfRemoval.Remove(_pins, options.Instance, dryRun));
    }

    /// <inheritdoc/>
    public void Dispose() => Close();

    private ApplyReport Apply(Session session, CompiledPolicy policy, HostSnapshot host, ApplyOptions wanted)
    {
        Switch before = session.Arena.Switch;
        uint judging = session.Arena.Judging.Id;
        bool isFirst = judging == 0;
        RequireNothingPending(before, isFirst, wanted);
        var times = new ApplyClock(options.Time, session.Arena);
        PolicyImage image = times.Encode(() => EncodeFor(session, policy, mayShare: wanted.Fallback is null));
        DesiredAttachments desired = DesiredAttachments.Of(policy, host);
        long available = session.Arena.FreeBytes;

        // 1. What does not fit is refused before anything is written.
        RequireRoomForRules(session, policy);
        HostTables.RequireRoom(session.Interfaces.Map, desired.Interfaces.Count);
        session.Host.RequireRoom(host);
        session.Cgroups.RequireRoom(policy);

        // 2. While a policy waits for confirmation the one to fall back to follows the host too.
        if (wanted.Fallback is { } fallback)
        {
            before = PublishFallback(session, fallback, host);
        }

        // 3. Write, read back, try out. A policy that must be confirmed is a generation of its own, whatever it says.
        int? slot = null;
        if (isFirst || wanted.ConfirmWithin is not null || session.Arena.Active.Checksum != image.Checksum())
        {
            before = MakeRoom(session, image, before);
            slot = times.Write(() => WriteAndTry(session, image, wanted.Canaries));
        }

        // 4. Networks before the switch: they are the same whichever policy is active.
        session.Host.PutNetworks(host);
        session.Host.RemoveVlans(host);
        // 5. Switch, wait.
        if (slot is { } written)
        {
            session.Cgroups.BeforeSwitch(policy, wanted.ConfirmWithin is not null, session.Arena.Active.Id, session.Arena.IdOf(written));
            Put(session, before, written, desired, wanted.ConfirmWithin);
        }

        // 6. Connections that are older than enforcement are known before the first packet is judged.
        session.Host.PutNamespaces(host, desired.Interfaces.Keys.Concat(session.FallbackInterfaces.Keys).ToHashSet());
        OlderFlowsReport? older = isFirst ? TakeUpOlderFlows(session, policy, host, desired) : null;
        // 7. Units that come are judged by the policy that knows them.
        (ImmutableArray<UnitAttachment> attached, ImmutableArray<UnitNotEnforced> gone) = AttachAll(session, desired, isFirst);
        (ImmutableArray<UnitAttachment> cgroups, ImmutableArray<UnitNotEnforced> without) = session.Cgroups.Follow(policy);
        session.Xdp.Follow(attached.Where(one => one.Unit == LocalUnit.HostNumber).Select(one => host.Interfaces.First(other => other.Index == one.InterfaceIndex)), host);
        if (isFirst && options.Xdp == XdpChoice.Require && session.Xdp.Obstacles is [{ } obstacle, ..])
        {
            throw new BackendException($"--xdp require: {obstacle}");
        }

        session.Early.Follow(host.Interfaces.FirstOrDefault(one => policy.ExcludedInterfaces.Contains(one.Name))?.Name);
        older = older is null ? null : TakeUpLatecomers(session, policy, host, older);
        // 8. What nobody is judged by any more goes when everything is in place that judges instead.
        Tidy(session, host, desired, attached, isFirst);
        var matrix = new MatrixReport(RowFormText.Of(image.Layout.Form), image.Layout.RowBytes);
        return new ApplyReport(session.Arena.Judging.Id, slot is not null, [.. attached, .. cgroups], [.. desired.NotEnforced, .. gone, .. without], image.Bytes, available, matrix)
        {
            Tables = Tables(session, policy, desired),
            OlderFlows = older,
            Times = times.Read(),
        };
    }

    /// <summary>Interfaces that change hands do so with the switch itself: until then their entries say both.</summary>
    private static void Put(Session session, Switch before, int slot, DesiredAttachments desired, TimeSpan? confirmWithin)
    {
        Arena arena = session.Arena;
        uint judging = arena.Active.Id;
        if (confirmWithin is not null)
        {
            KeepInterfacesForFallback(session, judging);
        }

        session.Interfaces.Put(
            InterfaceHandover.BeforeSwitch(session.Interfaces.Entries, desired.Interfaces, judging, arena.IdOf(slot))
        );
        arena.Turn(Next(before, slot, confirmWithin));
    }

    private void Tidy(Session session, HostSnapshot host, DesiredAttachments desired, ImmutableArray<UnitAttachment> attached, bool isFirst)
    {
        bool isOnTrial = session.Arena.Switch.Lease == DpLease.Confirm;
        HashSet<uint> fallback = [.. isOnTrial ? session.FallbackInterfaces.Keys : []];
        // While two policies may judge, the device below judges for a VLAN interface unless both have it.
        session.Host.PutVlans(
            host,
            index =>
                (desired.Interfaces.ContainsKey((uint)index) && !attached.Any(one => one.InterfaceIndex == index))
                || (isOnTrial && !fallback.Contains((uint)index))
        );
        ReleaseOthers(session, desired);
        if (!isOnTrial)
        {
            ForgetFallbackInterfaces(session);
        }

        if (isFirst)
        {
            _pins.RemoveOtherLayouts();
        }
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
        HashSet<uint> kept = [.. session.FallbackInterfaces.Keys];
        foreach (uint index in session.Interfaces.RemoveOthers(desired.Interfaces).Where(index => !kept.Contains(index)))
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
        session.Interfaces.Put(desired.Interfaces);
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
