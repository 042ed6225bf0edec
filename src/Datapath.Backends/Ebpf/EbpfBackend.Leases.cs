using System.Collections.Immutable;
using Datapath.Backends.Ebpf.Image;
using Datapath.Backends.Host;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf;

/// <content>What ends by itself: policies that wait for confirmation, and pauses.</content>
public sealed partial class EbpfBackend
{
    /// <inheritdoc/>
    public PendingLease ReadLease() => _session is { } session ? session.Arena.Switch.Pending : PendingLease.None;

    /// <inheritdoc/>
    public bool Confirm() =>
        Guard(() =>
        {
            if (_session is not { Arena.Switch: { Lease: DpLease.Confirm, IsOver: false } pending } session)
            {
                return false;
            }

            session.Arena.Turn(Switch.To(pending.Slot));
            session.Cgroups.FallBackTo(null);
            ForgetFallbackInterfaces(session);
            return true;
        });

    /// <inheritdoc/>
    public uint Rollback() =>
        Guard(() =>
        {
            if (_session is not { Arena.Switch: { Lease: DpLease.Confirm } pending } session)
            {
                throw new BackendException("no policy waits for confirmation");
            }

            // First as if the time were over: then interfaces are looked up where the old policy has them, and the other table may change.
            if (!pending.IsOver)
            {
                session.Arena.Turn(pending with { Deadline = 0 });
            }

            IReadOnlyDictionary<uint, DpInterface> before = session.FallbackInterfaces.Entries;
            session.Interfaces.Put(before);
            IReadOnlyList<uint> released = session.Interfaces.RemoveOthers(before);
            session.Arena.Turn(Switch.To(pending.After));
            session.Cgroups.FellBack();
            ForgetFallbackInterfaces(session);
            foreach (uint index in released)
            {
                session.Hooks.Release((int)index);
            }

            return session.Arena.Judging.Id;
        });

    /// <inheritdoc/>
    public void Pause(TimeSpan time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero);
        Guard(() =>
        {
            if (_session is not { } session || session.Arena.Judging.Id == 0)
            {
                throw new BackendException("nothing is enforced, so there is nothing to pause");
            }

            Switch now = session.Arena.Switch;
            RequireNothingWaits(now);
            session.Arena.Turn(new Switch(now.Slot, now.Slot, DpLease.Pause, Switch.DeadlineAfter(time)));
            return 0;
        });
    }

    /// <inheritdoc/>
    public bool Resume() =>
        Guard(() =>
        {
            if (_session is not { Arena.Switch: { Lease: DpLease.Pause } paused } session)
            {
                return false;
            }

            session.Arena.Turn(Switch.To(paused.Slot));
            return true;
        });

    private static void RequireNothingPending(Switch now, bool isFirst, ApplyOptions wanted)
    {
        if (wanted.Fallback is null)
        {
            RequireNothingWaits(now);
        }
        else if (now.Lease != DpLease.Confirm || wanted.ConfirmWithin is not null)
        {
            throw new BackendException("a policy to fall back to was given, and none waits for confirmation");
        }

        if (wanted.ConfirmWithin is not null && (isFirst || now.Lease != DpLease.None))
        {
            throw new BackendException(isFirst ? "there is no policy to fall back to" : "enforcement is paused");
        }
    }

    private static void RequireNothingWaits(Switch now)
    {
        if (now.Lease == DpLease.Confirm)
        {
            throw new BackendException("a policy waits for confirmation");
        }
    }

    /// <summary>What is in force with a new generation: a lease that is pending goes on as it was.</summary>
    private static Switch Next(Switch before, int slot, TimeSpan? confirmWithin) =>
        (before.Lease, confirmWithin) switch
        {
            (DpLease.None, null) => Switch.To(slot),
            (DpLease.None, { } time) => new Switch(slot, before.Slot, DpLease.Confirm, Switch.DeadlineAfter(time)),
            (DpLease.Pause, _) => before with { Slot = slot, After = slot },
            _ => before with { Slot = slot },
        };

    /// <summary>Brings the policy to fall back to, and its interfaces, to the host as it is.</summary>
    private static Switch PublishFallback(Session session, CompiledPolicy policy, ImmutableArray<Canary> canaries, HostSnapshot host)
    {
        PolicyImage image = PolicyImageEncoder.Encode(policy);
        ImmutableSortedDictionary<uint, DpInterface> interfaces = DesiredAttachments.Of(policy, host).Interfaces;
        HostTables.RequireRoom(session.FallbackInterfaces.Map, interfaces.Count);
        if (session.Arena.After.Checksum != image.Checksum())
        {
            int slot = session.Arena.Write(image);
            if (!canaries.IsEmpty)
            {
                session.Rehearsal.Require(slot, canaries);
            }

            session.Arena.Turn(session.Arena.Switch with { After = slot });
        }

        session.FallbackInterfaces.Put(interfaces);
        IReadOnlyList<uint> gone = session.FallbackInterfaces.RemoveOthers(interfaces);
        HashSet<uint> kept = [.. session.Interfaces.Keys];
        foreach (uint index in gone.Where(index => !kept.Contains(index)))
        {
            session.Hooks.Release((int)index);
        }

        foreach (uint index in interfaces.Keys)
        {
            EnsureIfPresent(session, (int)index);
        }

        session.Cgroups.FallBackTo(policy);

        return session.Arena.Switch;
    }

    /// <summary>The interfaces of the policy that is in force stay attached, and are looked up when it is back.</summary>
    private static void KeepInterfacesForFallback(Session session, uint active)
    {
        Dictionary<uint, DpInterface> now = session.Interfaces.Entries.ToDictionary(one => one.Key, one => InterfaceHandover.Settled(one.Value, active));
        session.FallbackInterfaces.Put(now);
        session.FallbackInterfaces.RemoveOthers(now);
    }

    /// <summary>Lets go the interfaces that only the policy to fall back to had.</summary>
    private static void ForgetFallbackInterfaces(Session session)
    {
        HashSet<uint> kept = [.. session.Interfaces.Keys];
        foreach (uint index in session.FallbackInterfaces.RemoveOthers(ImmutableDictionary<uint, DpInterface>.Empty))
        {
            if (!kept.Contains(index))
            {
                session.Hooks.Release((int)index);
            }
        }
    }
}
