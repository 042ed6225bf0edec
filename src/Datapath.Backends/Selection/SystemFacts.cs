using System.Collections.Immutable;
using Datapath.Backends.Host;
using Datapath.Interop;
using Datapath.Interop.Libc;

namespace Datapath.Backends.Selection;

/// <summary>Everything that was looked at on a host, before anybody judges it.</summary>
internal sealed record SystemFacts
{
    /// <summary>As <c>uname -r</c> prints it.</summary>
    public required string KernelRelease { get; init; }

    /// <summary>What this process may do now.</summary>
    public required ImmutableHashSet<Capability> Capabilities { get; init; }

    /// <summary>Whether those count for the whole machine; false in a user namespace of one's own, where bpf(2) does not take them.</summary>
    public required bool IsInitialUserNamespace { get; init; }

    /// <summary>Whether libbpf is installed.</summary>
    public required bool HasLibbpf { get; init; }

    /// <summary>Whether bpf(2) works, with the kernel's number when it does not.</summary>
    public required KernelFeature Bpf { get; init; }

    /// <summary>The types of map, program and helper that our programs use. Only to be believed where <see cref="Bpf"/> is a yes.</summary>
    public required ImmutableArray<KernelFeature> UsedFeatures { get; init; }

    /// <summary>Types of program that are not used yet.</summary>
    public required ImmutableArray<KernelFeature> LaterFeatures { get; init; }

    /// <summary>Whether programs can be attached at tc as links.</summary>
    public required KernelFeature Tcx { get; init; }

    /// <summary>Whether a bpf file system could be mounted.</summary>
    public required KernelFeature MountableBpfFileSystem { get; init; }

    /// <summary>Whether the directory is there, or can be made, on which it is mounted.</summary>
    public required bool HasBpfDirectory { get; init; }

    /// <summary>Whether programs are compiled.</summary>
    public required KernelFeature Jit { get; init; }

    /// <summary>The mounts that this process sees.</summary>
    public required MountTable Mounts { get; init; }

    /// <summary>The mounts that process 1 sees; null when they are hidden.</summary>
    public required MountTable? MountsOfFirstProcess { get; init; }

    /// <summary>Text of /sys/kernel/security/lockdown; null when it is not there.</summary>
    public required string? Lockdown { get; init; }

    /// <summary>Whether the kernel publishes its own types.</summary>
    public required bool HasKernelTypes { get; init; }

    /// <summary>The kernel's parts.</summary>
    public required ModuleFacts Modules { get; init; }

    /// <summary>Where programs are, links resolved, by name; those that are not there are left out.</summary>
    public required ImmutableDictionary<string, string> Programs { get; init; }

    /// <summary>Tables of the legacy iptables in this network namespace, IPv4 and IPv6, in ordinal order.</summary>
    public required ImmutableArray<string> LegacyTables { get; init; }

    /// <summary>What the wall clock says.</summary>
    public required DateTimeOffset Now { get; init; }

    /// <summary>Whether the kernel holds its clock for synchronised; null when it did not say.</summary>
    public required bool? IsClockSynchronised { get; init; }

    /// <summary>Processors that this process may use.</summary>
    public required int Processors { get; init; }

    /// <summary>Memory of the machine in bytes; 0 when it is not known.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>How packages are installed.</summary>
    public required PackageAdvice Packages { get; init; }
}
