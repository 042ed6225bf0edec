using System.Collections.Immutable;

namespace Datapath.Interop.Netlink;

/// <summary>A connection that the kernel tracks.</summary>
/// <param name="Original">What its opener sent first, before any translation of addresses.</param>
/// <param name="Reply">What answers look like on the wire, that is after translation.</param>
/// <param name="Mark">The connection mark.</param>
/// <param name="Zone">The zone that it is tracked in.</param>
public sealed record ConntrackEntry(ConntrackTuple Original, ConntrackTuple Reply, uint Mark, ushort Zone)
{
    /// <summary>How the kernel writes <see cref="Original"/>; names the entry when it is changed.</summary>
    internal ImmutableArray<byte> Name { get; init; }

    /// <summary>AF_INET or AF_INET6.</summary>
    internal byte Family { get; init; }
}
