using Datapath.Interop;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;

namespace Datapath.Backends.Ebpf;

/// <summary>Our programs at the hooks of interfaces. What is attached is asked of the kernel, not remembered.</summary>
/// <param name="programs">The programs to attach.</param>
/// <param name="pins">Where links are pinned.</param>
/// <param name="mechanism">How to attach.</param>
internal sealed class AttachedHooks(TcPrograms programs, PinDirectory pins, TcMechanism mechanism) : IDisposable
{
    private static readonly TcDirection[] Directions = [TcDirection.Ingress, TcDirection.Egress];

    // A link lives as long as something holds it: a pin, which goes when the bpf file system is unmounted, or an agent.
    private readonly Dictionary<TcHook, BpfLink> _held = [];

    // Where our programs are filters of clsact, which the qdisc holds; and where that qdisc is ours, which only a directory among the pins says.
    private readonly HashSet<TcHook> _filtered = [];
    private readonly HashSet<int> _madeQdiscs = [];

    /// <summary>Whether a program of ours judges packets: not after a purge, which detaches before it removes pins.</summary>
    public bool AreAttached =>
        _held.Values.Any(link => link.Describe().InterfaceIndex != 0)
        || _filtered.Any(hook => hook.Query().Any(one => one.Mechanism == TcMechanism.Clsact && IsOurs(one.ProgramId)));

    /// <summary>Lets go of links; those that are pinned live on.</summary>
    public void Dispose()
    {
        foreach (BpfLink link in _held.Values)
        {
            link.Dispose();
        }

        _held.Clear();
    }

    /// <summary>Pins again the links whose pins are gone, and says again which qdiscs are ours.</summary>
    public void PinAgain()
    {
        foreach (int interfaceIndex in _madeQdiscs)
        {
            Directory.CreateDirectory(pins.MadeQdisc(interfaceIndex));
        }

        foreach ((TcHook hook, BpfLink link) in _held)
        {
            if (!File.Exists(pins.Link(hook)))
            {
                link.Pin(pins.Link(hook));
            }
        }
    }

    /// <summary>Makes sure that both programs judge an interface: takes over what an earlier agent attached, attaches what is missing.</summary>
    /// <param name="interfaceIndex">The interface.</param>
    /// <returns>The mechanism in use: <c>tcx</c> or <c>clsact</c>.</returns>
    /// <exception cref="KernelException">Refused; whatever was attached stays.</exception>
    public string Ensure(int interfaceIndex)
    {
        TcMechanism used = mechanism;
        foreach (TcDirection direction in Directions)
        {
            used = Ensure(new TcHook(interfaceIndex, direction));
        }

        if (used == TcMechanism.Tcx)
        {
            // An agent that used clsact was here before; its filters go only now that the links are in place.
            ReleaseFilters(interfaceIndex);
            return "tcx";
        }

        NoteFilters(interfaceIndex);
        return "clsact";
    }

    /// <summary>
    /// Puts these programs in the place of an earlier agent's, where there are any. An interface that has none is another one now, whatever
    /// its number: an attachment goes with its interface.
    /// </summary>
    /// <param name="interfaceIndex">An interface that the earlier agent judged.</param>
    /// <returns>Whether they were there.</returns>
    /// <exception cref="KernelException">Refused; whatever was attached stays.</exception>
    public bool Renew(int interfaceIndex)
    {
        bool isAttached = Directions.Any(direction => new TcHook(interfaceIndex, direction).Query().Any(one => IsOurs(one.ProgramId)));
        if (isAttached)
        {
            Ensure(interfaceIndex);
        }

        return isAttached;
    }

    /// <summary>Takes our programs off an interface.</summary>
    /// <param name="interfaceIndex">The interface; it may be gone already.</param>
    public void Release(int interfaceIndex)
    {
        foreach (TcDirection direction in Directions)
        {
            var hook = new TcHook(interfaceIndex, direction);
            Forget(hook);
            ReleaseLink(pins.Link(hook));
        }

        ReleaseFilters(interfaceIndex);
    }

    private void NoteFilters(int interfaceIndex)
    {
        _filtered.UnionWith(Directions.Select(direction => new TcHook(interfaceIndex, direction)));
        if (Directory.Exists(pins.MadeQdisc(interfaceIndex)))
        {
            _madeQdiscs.Add(interfaceIndex);
        }
    }

    /// <summary>Detaches a pinned link and removes its pin.</summary>
    /// <param name="path">The pin.</param>
    /// <returns>Whether there was one.</returns>
    public static bool ReleaseLink(string path)
    {
        if (!File.Exists(path))
        {
            return false;
        }

        using (BpfLink link = BpfLink.OpenPinned(path))
        {
            link.Detach();
        }

        return BpfFs.Unpin(path);
    }

    /// <summary>Removes the clsact qdisc of an interface if we made it and nobody has put a filter there since.</summary>
    /// <param name="pins">Where that is noted.</param>
    /// <param name="interfaceIndex">The interface.</param>
    public static void ReleaseQdisc(PinDirectory pins, int interfaceIndex)
    {
        string mark = pins.MadeQdisc(interfaceIndex);
        if (Directory.Exists(mark))
        {
            TcHook.RemoveEmptyQdisc(interfaceIndex);
            Directory.Delete(mark);
        }
    }

    private TcMechanism Ensure(TcHook hook)
    {
        BpfProgram program = programs.For(hook.Direction);
        string pin = pins.Link(hook);
        if (File.Exists(pin) && mechanism != TcMechanism.Clsact)
        {
            BpfLink link = BpfLink.OpenPinned(pin);
            Hold(hook, link);
            if (IsAt(link, hook) && TryReplace(link, program))
            {
                return TcMechanism.Tcx;
            }

            // The interface went away, or to another namespace, and its number was given to another one. What went is let go there.
            link.Detach();
            Forget(hook);
            BpfFs.Unpin(pin);
        }

        return TakeOver(hook, program, pin) ? TcMechanism.Tcx : Attach(hook, program, pin);
    }

    /// <summary>Puts our program into the link of an earlier agent whose pin is lost, or of another layout: packets are judged throughout.</summary>
    private bool TakeOver(TcHook hook, BpfProgram program, string pin)
    {
        if (mechanism == TcMechanism.Clsact || LostPins.Find(pins.InstanceName, hook) is not { } found)
        {
            return false;
        }

        Hold(hook, found);
        if (!TryReplace(found, program))
        {
            return false;
        }

        found.Pin(pin);
        return true;
    }

    private void Hold(TcHook hook, BpfLink link)
    {
        Forget(hook);
        _held.Add(hook, link);
    }

    private void Forget(TcHook hook)
    {
        if (_held.Remove(hook, out BpfLink? link))
        {
            link.Dispose();
        }
    }

    /// <summary>By number alone an interface that was moved to another namespace may look like one of ours.</summary>
    private static bool IsAt(BpfLink link, TcHook hook)
    {
        LinkDescription described = link.Describe();
        return described.InterfaceIndex == hook.InterfaceIndex
            && hook.Query().Any(one => one.Mechanism == TcMechanism.Tcx && one.ProgramId == described.ProgramId);
    }

    /// <summary>False when the interface went away after we looked.</summary>
    private static bool TryReplace(BpfLink link, BpfProgram program)
    {
        try
        {
            if (link.Describe().ProgramId != program.Id)
            {
                link.Update(program);
            }

            return true;
        }
        catch (KernelException refusal) when (refusal.Number == Errno.NoLink)
        {
            return false;
        }
    }

    private TcMechanism Attach(TcHook hook, BpfProgram program, string pin)
    {
        TcAttachment attachment = hook.Attach(program, mechanism, IsOfThisInstance);
        if (attachment.MadeQdisc)
        {
            // Noted afterwards: killed in between we leave an empty qdisc behind, which does nothing; noted first, a purge might remove
            // one that is somebody else's.
            Directory.CreateDirectory(pins.MadeQdisc(hook.InterfaceIndex));
        }

        if (attachment.Link is { } link)
        {
            Hold(hook, link);
            link.Pin(pin);
        }

        if (attachment.Mechanism == TcMechanism.Clsact)
        {
            // An agent that used tcx was here before; its program goes only now that the other one is in place.
            ReleaseLink(pin);
        }

        return attachment.Mechanism;
    }

    /// <summary>Takes our filters off clsact, whichever agent of the instance put them there, and then our qdisc.</summary>
    private void ReleaseFilters(int interfaceIndex)
    {
        foreach (TcDirection direction in Directions)
        {
            var hook = new TcHook(interfaceIndex, direction);
            foreach (TcProgram one in hook.Query().Where(one => one.Mechanism == TcMechanism.Clsact && IsOurs(one.ProgramId)))
            {
                hook.DetachFilter(one.ProgramId);
            }
        }

        _filtered.RemoveWhere(hook => hook.InterfaceIndex == interfaceIndex);
        _madeQdiscs.Remove(interfaceIndex);
        ReleaseQdisc(pins, interfaceIndex);
    }

    /// <summary>Ours, or an earlier agent's whose pins are lost: another instance has the same place and the same names.</summary>
    private bool IsOfThisInstance(uint programId) =>
        IsOurs(programId) || EbpfRemoval.OwnPrograms(pins.InstanceName, OwnNetworkNamespace.Inode()).Contains(programId);

    /// <summary>What judges by our control map is ours; a name could be anybody's.</summary>
    private bool IsOurs(uint programId)
    {
        try
        {
            using BpfProgram program = BpfProgram.OpenById(programId);
            return program.Describe().MapIds.Contains(programs.Beside.Map(DpMaps.Control.Name).Id);
        }
        catch (KernelException refusal) when (refusal.Number == Errno.NoEntry)
        {
            // Taken off between the listing and the question.
            return false;
        }
    }
}
