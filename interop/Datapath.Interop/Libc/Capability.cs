namespace Datapath.Interop.Libc;

/// <summary>The capabilities the agent asks about.</summary>
/// <remarks>Numbers of linux/capability.h.</remarks>
public enum Capability
{
    /// <summary>Interfaces, qdiscs, filters.</summary>
    NetworkAdministration = 12,

    /// <summary>Mounts, namespaces, and bpf(2) before Linux 5.8.</summary>
    SystemAdministration = 21,

    /// <summary>Limits.</summary>
    SystemResource = 24,

    /// <summary>bpf(2), from Linux 5.8 on.</summary>
    Bpf = 39,
}
