using System.Collections.Immutable;
using System.Net;
using Datapath.Policy.Compilation;

namespace Datapath.Backends;

/// <summary>A connection that the kernel remembers, as the judge of one unit sees it. One between two units of this host is two of them.</summary>
/// <param name="Unit">Number of the unit.</param>
/// <param name="Direction">Who opened it, seen from the unit.</param>
/// <param name="Protocol">IANA protocol number.</param>
/// <param name="Opener">Address and port of who opened it; for an echo the port is its identifier, where there are no ports 0.</param>
/// <param name="Answerer">The same of the other end.</param>
/// <param name="State">How far it is.</param>
/// <param name="RuleIndex">
/// The rule that lets it be; 0 where another unit's rule does, because the host's NAT lent it its address. Null when it is older than
/// enforcement and its opener was not judged yet.
/// </param>
public sealed record LiveConnection(
    int Unit,
    Direction Direction,
    byte Protocol,
    IPEndPoint Opener,
    IPEndPoint Answerer,
    LiveConnectionState State,
    int? RuleIndex
)
{
    /// <summary>How long nobody has spoken, to the second; null when the kernel does not tell.</summary>
    public TimeSpan? Idle { get; init; }

    /// <summary>Since when it is there; null when the kernel does not tell.</summary>
    public DateTimeOffset? Since { get; init; }
}

/// <summary>How far a connection is.</summary>
public enum LiveConnectionState
{
    /// <summary>Nobody has answered.</summary>
    Opening,

    /// <summary>Both ends speak; without a handshake: somebody has answered.</summary>
    Established,

    /// <summary>An end has said that it is done, or both have.</summary>
    Closing,
}

/// <summary>Live connections, as many as were asked for.</summary>
/// <param name="Connections">In no order.</param>
/// <param name="Total">How many there are.</param>
public sealed record LiveConnections(ImmutableArray<LiveConnection> Connections, long Total)
{
    /// <summary>Before anything is enforced.</summary>
    public static LiveConnections None { get; } = new([], 0);
}
