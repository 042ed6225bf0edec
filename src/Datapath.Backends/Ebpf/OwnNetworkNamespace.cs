namespace Datapath.Backends.Ebpf;

/// <summary>The network namespace of the calling thread.</summary>
internal static class OwnNetworkNamespace
{
    /// <summary>Its inode, which tells namespaces apart as long as they live; the cookie that does so for ever needs Linux 5.14.</summary>
    public static ulong Inode()
    {
        // "net:[4026531840]"
        string target = new FileInfo("/proc/thread-self/ns/net").LinkTarget ?? "";
        int open = target.IndexOf('[', StringComparison.Ordinal);
        return open >= 0 && ulong.TryParse(target.AsSpan(open + 1, target.Length - open - 2), out ulong inode)
            ? inode
            : throw new BackendException($"cannot read the network namespace of this process: /proc/thread-self/ns/net is '{target}'");
    }
}
