namespace Datapath.Interop.Libbpf;

/// <summary>The kinds of program that the datapath uses or may use later.</summary>
/// <remarks>Numbers of <c>enum bpf_prog_type</c>, linux/bpf.h.</remarks>
public enum BpfProgramType
{
    /// <summary>At tc.</summary>
    TrafficClassifier = 3,

    /// <summary>At the driver, before there is a socket buffer.</summary>
    Xdp = 6,

    /// <summary>Packets of a cgroup's sockets.</summary>
    CgroupPacket = 8,

    /// <summary>Addresses that a cgroup's sockets connect to.</summary>
    CgroupSocketAddress = 18,

    /// <summary>In the place of a function of another program.</summary>
    Extension = 28,
}
