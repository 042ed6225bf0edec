using System.Collections.Immutable;

namespace Datapath.Interop.Netlink;

/// <summary>A connection that the kernel tracks.</summary>
/// <param name="Original">What its opener sent first, before any translation of addresses.</param>
/// <param name="Reply">What answers look like on the wire, that is after translation.</param>
/// <param name="Mark">The connection mark.</param>
/// <param name="Zone">The zone that it is tracked in.</param>
public sealed record ConntrackEntry(ConntrackTuple Original, ConntrackTuple Reply, uint Mark, ushort Zone)
{
    /// <summary>Whether an answer was seen (IPS_SEEN_REPLY).</summary>
    public bool IsAnswered { get; init; }

    /// <summary>Since when it is tracked; null unless the kernel is told to note it (net.netfilter.nf_conntrack_timestamp).</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>How far a TCP connection is; null for other protocols.</summary>
    public ConntrackTcpState? TcpState { get; init; }

    /// <summary>
    /// Whether a TCP connection was taken up in the middle: then <see cref="Original"/> is who was heard first, and nobody knows who opened it.
    /// </summary>
    public bool IsTakenUp { get; init; }

    /// <summary>Packets and bytes of the direction of <see cref="Original"/>; null unless the kernel counts (net.netfilter.nf_conntrack_acct).</summary>
    public (long Packets, long Bytes)? Sent { get; init; }

    /// <summary>The same of the direction of <see cref="Reply"/>.</summary>
    public (long Packets, long Bytes)? Answered { get; init; }

    /// <summary>How the kernel writes <see cref="Original"/>; names the entry when it is changed.</summary>
    internal ImmutableArray<byte> Name { get; init; }

    /// <summary>AF_INET or AF_INET6.</summary>
    internal byte Family { get; init; }
}
