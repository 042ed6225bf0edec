namespace Datapath.Backends.Ebpf;

/// <summary>How programs are attached to interfaces. Verdicts do not depend on it.</summary>
public enum TcHookChoice
{
    /// <summary>tcx where the kernel has it, else clsact.</summary>
    Auto,

    /// <summary>tcx, Linux 6.6 and newer; the kernel's refusal is an error.</summary>
    Tcx,

    /// <summary>A filter of the clsact qdisc: for kernels that refuse tcx, and to see on a new kernel what an old one does.</summary>
    Clsact,
}
