using System.Collections.Immutable;
using Datapath.Interop.Libc;

namespace Datapath.Backends.Ebpf;

/// <summary>Finds out whether the pins outlive the agent: they go with the last mount of their file system.</summary>
internal static class PinsAtRisk
{
    private const string FileSystem = "bpf";

    /// <summary>A warning when the bpf file system is one that only a private mount namespace has, as under <c>ip netns exec</c>.</summary>
    /// <param name="root">Where this process has it mounted.</param>
    public static ImmutableArray<string> Warnings(string root)
    {
        try
        {
            return Warnings(root.TrimEnd('/'), MountTable.Of("self"), MountTable.Of("1"));
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            // Where /proc is closed nobody can tell.
            return [];
        }
    }

    /// <summary>The same, of two tables.</summary>
    /// <param name="root">Where this process has it mounted, without a trailing slash.</param>
    /// <param name="own">The mounts of this process.</param>
    /// <param name="init">The mounts of process 1, which stay.</param>
    public static ImmutableArray<string> Warnings(string root, MountTable own, MountTable init) =>
        own.DeviceAt(root, FileSystem) is not { } device || init.Has(device)
            ? []
            :
            [
                $"the bpf file system at {root} is seen in this agent's mount namespace alone: when the agent ends, its pins and with them enforcement "
                    + "end; start the agent without a private mount namespace (`nsenter --net=/run/netns/NAME`, not `ip netns exec`)",
            ];
}
