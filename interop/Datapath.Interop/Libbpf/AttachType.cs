namespace Datapath.Interop.Libbpf;

/// <summary>Places that programs are attached to.</summary>
/// <remarks>Numbers of <c>enum bpf_attach_type</c>, linux/bpf.h. The tcx places are younger than the headers of Debian 12.</remarks>
public enum AttachType
{
    /// <summary>Packets that sockets of a cgroup receive.</summary>
    CgroupIngress = 0,

    /// <summary>Packets that sockets of a cgroup send.</summary>
    CgroupEgress = 1,

    /// <summary>connect(2) over IPv4 in a cgroup.</summary>
    CgroupConnect4 = 10,

    /// <summary>connect(2) over IPv6 in a cgroup.</summary>
    CgroupConnect6 = 11,

    /// <summary>XDP of an interface.</summary>
    Xdp = 37,

    /// <summary>tc of packets an interface received, Linux 6.6 and newer.</summary>
    TcxIngress = 46,

    /// <summary>tc of packets an interface sends, Linux 6.6 and newer.</summary>
    TcxEgress = 47,
}
