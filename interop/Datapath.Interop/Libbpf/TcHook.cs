using System.Collections.Immutable;
using Datapath.Interop.Libc;
using Datapath.Interop.Netlink;

namespace Datapath.Interop.Libbpf;

/// <summary>The tc hook of one interface in one direction, in the network namespace of the calling thread.</summary>
/// <param name="InterfaceIndex">The interface, from 1.</param>
/// <param name="Direction">Which of its packets.</param>
public sealed unsafe record TcHook(int InterfaceIndex, TcDirection Direction)
{
    /// <summary>Our filter's priority at clsact: the first the kernel asks.</summary>
    public const int ClsactPriority = 1;

    /// <summary>Our filter's handle at clsact, "dp" in ASCII; with the priority it is the place that is ours.</summary>
    public const int ClsactHandle = 0x6470;

    private const int MaximumPrograms = 64;

    private AttachType TcxPlace => Direction == TcDirection.Ingress ? AttachType.TcxIngress : AttachType.TcxEgress;

    private bpf_tc_attach_point ClsactPoint =>
        Direction == TcDirection.Ingress ? bpf_tc_attach_point.BPF_TC_INGRESS : bpf_tc_attach_point.BPF_TC_EGRESS;

    /// <summary>Attaches a program of type sched_cls.</summary>
    /// <param name="program">The program.</param>
    /// <param name="mechanism">The way; <see cref="TcMechanism.Best"/> tries tcx and then clsact.</param>
    /// <param name="mayReplace">Whether the program of an id, found at our place of clsact, is to be replaced; null: if it has the same name.</param>
    /// <exception cref="KernelException">
    /// Refused; with <see cref="TcMechanism.Clsact"/> also when somebody else's program has our place (EEXIST).
    /// </exception>
    public TcAttachment Attach(BpfProgram program, TcMechanism mechanism = TcMechanism.Best, Predicate<uint>? mayReplace = null)
    {
        if (mechanism != TcMechanism.Clsact)
        {
            try
            {
                return new TcAttachment(TcMechanism.Tcx, BpfLink.Create(program, InterfaceIndex, TcxPlace), MadeQdisc: false);
            }
            catch (KernelException refusal) when (mechanism == TcMechanism.Best && MeansUnknown(refusal.Number))
            {
                // An older kernel: it answers an attach type that it does not know with EINVAL.
            }
        }

        return AttachFilter(program, mayReplace ?? (present => HasSameName(program, present)));
    }

    /// <summary>Removes our filter from clsact; tcx attachments end with their link.</summary>
    /// <param name="owned">The id of the program that must stand there, so that nothing of somebody else's goes.</param>
    /// <returns>Whether it was there.</returns>
    /// <exception cref="KernelException">Refused.</exception>
    public bool DetachFilter(uint owned)
    {
        if (FilterProgram() != owned)
        {
            return false;
        }

        bpf_tc_hook hook = Hook(ClsactPoint);
        bpf_tc_opts options = Place();
        int result = LibbpfApi.bpf_tc_detach(&hook, &options);
        if (result is -Errno.NoEntry or -Errno.NoDevice)
        {
            return false;
        }

        KernelException.Check(result, "detach filter from", ToString());
        return true;
    }

    /// <summary>Removes the clsact qdisc of the interface when no filter is left in it, in either direction.</summary>
    /// <param name="interfaceIndex">An interface whose qdisc our <see cref="Attach"/> made, as <see cref="TcAttachment.MadeQdisc"/> said.</param>
    /// <returns>Whether it was removed; false while filters are left.</returns>
    /// <exception cref="KernelException">Refused.</exception>
    public static bool RemoveEmptyQdisc(int interfaceIndex)
    {
        if (TrafficFilters.Any(interfaceIndex))
        {
            return false;
        }

        // Both points together mean the qdisc itself; one alone would mean all filters of that direction.
        bpf_tc_hook hook = Hook(bpf_tc_attach_point.BPF_TC_INGRESS | bpf_tc_attach_point.BPF_TC_EGRESS, interfaceIndex);
        int result = LibbpfApi.bpf_tc_hook_destroy(&hook);
        if (result is -Errno.NoEntry or -Errno.Invalid or -Errno.NoDevice)
        {
            return false;
        }

        KernelException.Check(result, "remove clsact qdisc of", $"interface {interfaceIndex}");
        return true;
    }

    /// <summary>The programs attached: those of tcx in the order they run, then the one at our place of clsact.</summary>
    /// <exception cref="KernelException">Refused; a kernel without tcx is not a refusal.</exception>
    public ImmutableArray<TcProgram> Query()
    {
        ImmutableArray<TcProgram>.Builder programs = ImmutableArray.CreateBuilder<TcProgram>();
        foreach (uint id in TcxPrograms())
        {
            programs.Add(new TcProgram(TcMechanism.Tcx, id));
        }

        if (FilterProgram() is uint filter)
        {
            programs.Add(new TcProgram(TcMechanism.Clsact, filter));
        }

        return programs.ToImmutable();
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Direction.ToString().ToLowerInvariant()} of interface {InterfaceIndex}";

    private static bool MeansUnknown(int errno) =>
        errno is Errno.Invalid or Errno.NotSupported or Errno.NotSupportedInsideKernel or Errno.TooBig;

    /// <summary>Asks for the tcx programs of an interface, to find out whether the kernel has such a question.</summary>
    /// <exception cref="KernelException">EINVAL: a kernel without tcx.</exception>
    internal static void RequireTcx(int interfaceIndex) => new TcHook(interfaceIndex, TcDirection.Ingress).AskTcx();

    private uint[] TcxPrograms()
    {
        try
        {
            return AskTcx();
        }
        catch (KernelException refusal) when (MeansUnknown(refusal.Number) || refusal.Number == Errno.NoDevice)
        {
            return [];
        }
    }

    private uint[] AskTcx()
    {
        var ids = new uint[MaximumPrograms];
        fixed (uint* buffer = ids)
        {
            var options = new bpf_prog_query_opts
            {
                sz = (nuint)sizeof(bpf_prog_query_opts),
                prog_ids = buffer,
                prog_cnt = MaximumPrograms,
            };
            int result = LibbpfApi.bpf_prog_query_opts(InterfaceIndex, (bpf_attach_type)TcxPlace, &options);
            // ENOENT: tcx is known, and nothing was ever attached here.
            if (result == -Errno.NoEntry)
            {
                return [];
            }

            KernelException.Check(result, "query", ToString());
            return ids[..(int)options.prog_cnt];
        }
    }

    private TcAttachment AttachFilter(BpfProgram program, Predicate<uint> mayReplace)
    {
        bpf_tc_hook hook = Hook(ClsactPoint);
        int made = LibbpfApi.bpf_tc_hook_create(&hook);
        if (made != -Errno.Exists)
        {
            KernelException.Check(made, "make clsact qdisc for", ToString());
        }

        try
        {
            PutFilter(program, hook, mayReplace);
        }
        catch (KernelException) when (made == 0)
        {
            RemoveEmptyQdisc(InterfaceIndex);
            throw;
        }

        return new TcAttachment(TcMechanism.Clsact, Link: null, MadeQdisc: made == 0);
    }

    private void PutFilter(BpfProgram program, bpf_tc_hook hook, Predicate<uint> mayReplace)
    {
        bpf_tc_opts options = Place();
        if (FilterProgram() is uint present)
        {
            // Replacing leaves no gap, but only what is ours is ours to replace.
            if (!mayReplace(present))
            {
                throw new KernelException($"attach {program} where program {present} is, at", ToString(), Errno.Exists);
            }

            options.flags = (uint)bpf_tc_flags.BPF_TC_F_REPLACE;
        }

        using FileDescriptor.Lease fd = program.Descriptor.Borrow();
        options.prog_fd = fd.Number;
        KernelException.Check(LibbpfApi.bpf_tc_attach(&hook, &options), $"attach {program} at", ToString());
    }

    private static bool HasSameName(BpfProgram program, uint presentId)
    {
        using BpfProgram present = BpfProgram.OpenById(presentId);
        return program.Name.StartsWith(present.Name, StringComparison.Ordinal);
    }

    private uint? FilterProgram()
    {
        bpf_tc_hook hook = Hook(ClsactPoint);
        bpf_tc_opts options = Place();
        int result = LibbpfApi.bpf_tc_query(&hook, &options);
        // EINVAL: no clsact qdisc. ENOENT: no filter at our place. ENODEV: no interface, and what is not there has no filter.
        if (result is -Errno.NoEntry or -Errno.Invalid or -Errno.NoDevice)
        {
            return null;
        }

        KernelException.Check(result, "query filter of", ToString());
        return options.prog_id;
    }

    private bpf_tc_hook Hook(bpf_tc_attach_point point) => Hook(point, InterfaceIndex);

    private static bpf_tc_hook Hook(bpf_tc_attach_point point, int interfaceIndex) =>
        new() { sz = (nuint)sizeof(bpf_tc_hook), ifindex = interfaceIndex, attach_point = point };

    private static bpf_tc_opts Place() =>
        new() { sz = (nuint)sizeof(bpf_tc_opts), handle = ClsactHandle, priority = ClsactPriority };
}
