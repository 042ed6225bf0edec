namespace Datapath.Interop.Libc;

/// <summary>The capabilities the agent asks about.</summary>
/// <remarks>Numbers of linux/capability.h.</remarks>
public enum Capability
{
    /// <summary>Interfaces, qdiscs, filters.</summary>
    NetworkAdministration = 12,

    /// <summary>Raw sockets, which the legacy iptables asks through.</summary>
    RawSockets = 13,

    /// <summary>Loading kernel modules.</summary>
    Modules = 16,

    /// <summary>The files of other processes in /proc, such as their namespaces.</summary>
    Tracing = 19,

    /// <summary>Mounts, namespaces, and bpf(2) before Linux 5.8.</summary>
    SystemAdministration = 21,

    /// <summary>Limits.</summary>
    SystemResource = 24,

    /// <summary>Programs that the verifier trusts with pointers, from Linux 5.8 on.</summary>
    Performance = 38,

    /// <summary>bpf(2), from Linux 5.8 on.</summary>
    Bpf = 39,
}
