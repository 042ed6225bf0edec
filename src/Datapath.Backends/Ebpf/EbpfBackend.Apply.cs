using System.Collections.Immutable;
using Datapath.Backends.Ebpf.Image;
using Datapath.Backends.Host;
using Datapath.Interop;
using Datapath.Interop.Libc;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf;

/// <content>One apply, in the order in which it is safe to be killed at any step.</content>
public sealed partial class EbpfBackend
{
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
        RequireRoom(session, policy, desired, host);

        // 2. While a policy waits for confirmation the one to fall back to follows the host too.
        if (wanted.Fallback is { } fallback)
        {
            before = PublishFallback(session, fallback, wanted.FallbackCanaries, host);
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
        // 5. Connections that are older than enforcement are known before the first packet is judged, and before somebody can be killed who
        // would have known them: the next start finds a policy in force, and does not ask again.
        OlderFlowsReport? older = isFirst ? TakeUpOlderFlows(session, policy, host, desired) : null;
        // 6. Switch, wait.
        if (slot is { } written)
        {
            session.Cgroups.BeforeSwitch(policy, wanted.ConfirmWithin is not null, session.Arena.Active.Id, session.Arena.IdOf(written));
            Put(session, before, written, desired, wanted.ConfirmWithin);
        }

        // 7. Units that come are judged by the policy that knows them.
        ImmutableArray<UnitNotEnforced> gone = [];
        AfterSwitch(() => session.Host.PutNamespaces(host, desired.Interfaces.Keys.Concat(session.FallbackInterfaces.Keys).ToHashSet()));
        ImmutableArray<UnitAttachment> attached = AttachAll(session, desired, isFirst, ref gone);
        ImmutableArray<UnitAttachment> cgroups = [];
        AfterSwitch(() =>
        {
            (cgroups, ImmutableArray<UnitNotEnforced> without) = session.Cgroups.Follow(policy);
            gone = gone.AddRange(without);
        });
        AfterSwitch(() => session.Xdp.Follow(attached.Where(one => one.Unit == LocalUnit.HostNumber).Select(one => host.Interfaces.First(other => other.Index == one.InterfaceIndex)), host));
        RequireXdp(session, isFirst);
        AfterSwitch(() => session.Early.Follow(host.Interfaces.FirstOrDefault(one => policy.ExcludedInterfaces.Contains(one.Name))?.Name));
        if (older is not null || session.HasOtherLayouts)
        {
            older = TakeUpLatecomers(session, policy, host, older);
        }

        // 8. What nobody is judged by any more goes when everything is in place that judges instead.
        AfterSwitch(() => Tidy(session, host, desired, attached, isEverywhere: !gone.Any(one => one.MayBeLater)));
        var matrix = new MatrixReport(RowFormText.Of(image.Layout.Form), image.Layout.RowBytes);
        return new ApplyReport(session.Arena.Judging.Id, slot is not null, [.. attached, .. cgroups], [.. desired.NotEnforced, .. gone], image.Bytes, available, matrix)
        {
            Tables = Tables(session, policy, desired),
            OlderFlows = older,
            Times = times.Read(),
        };

        // The policy is in force: to call it refused because of what comes with it would be untrue, and the rest would be left undone.
        void AfterSwitch(Action step)
        {
            try
            {
                step();
            }
            catch (Exception refusal) when (!isFirst && refusal is (KernelException or IOException or UnauthorizedAccessException))
            {
                gone = gone.Add(new UnitNotEnforced(LocalUnit.HostNumber, refusal.Message, MayBeLater: true));
            }
        }
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

    private void Tidy(Session session, HostSnapshot host, DesiredAttachments desired, ImmutableArray<UnitAttachment> attached, bool isEverywhere)
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

        // The pins of another version hold what judges where ours was refused.
        if (isEverywhere && session.HasOtherLayouts)
        {
            _pins.RemoveOtherLayouts();
            session.HasOtherLayouts = false;
        }
    }

    private void RequireXdp(Session session, bool isFirst)
    {
        if (isFirst && options.Xdp == XdpChoice.Require && session.Xdp.Obstacles is [{ } obstacle, ..])
        {
            throw new BackendException($"--xdp require: {obstacle}");
        }
    }

    private static void RequireRoom(Session session, CompiledPolicy policy, DesiredAttachments desired, HostSnapshot host)
    {
        HostTables.RequireRoom(session.Interfaces.Map, desired.Interfaces.Count);
        session.Host.RequireRoom(host);
        session.Cgroups.RequireRoom(policy);
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

    private static ImmutableArray<UnitAttachment> AttachAll(Session session, DesiredAttachments desired, bool isFirst, ref ImmutableArray<UnitNotEnforced> gone)
    {
        session.Interfaces.Put(desired.Interfaces);
        var attached = ImmutableArray.CreateBuilder<UnitAttachment>();
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
                    gone = gone.Add(new UnitNotEnforced(unit, $"interface {one.Name} went away"));
                }
            }
            catch (Exception refusal) when (!isFirst && refusal is (KernelException or IOException or UnauthorizedAccessException))
            {
                // The policy is in force already: to call all of it refused because of one place would be untrue, and would keep it from
                // the places that come after.
                gone = gone.Add(new UnitNotEnforced(unit, $"interface {one.Name}: {refusal.Message}", MayBeLater: true));
            }
        }

        return attached.ToImmutable();
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
}
