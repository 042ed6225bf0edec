namespace Datapath.Interop.Libbpf;

/// <summary>The two ways of attaching at tc.</summary>
public enum TcMechanism
{
    /// <summary>tcx where the kernel has it, else clsact.</summary>
    Best,

    /// <summary>A bpf link, Linux 6.6 and newer.</summary>
    Tcx,

    /// <summary>A filter of the clsact qdisc, which must be made first.</summary>
    Clsact,
}
