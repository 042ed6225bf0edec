using System.Net;
using Datapath.Interop.Netlink;

namespace Datapath.Backends;

/// <summary>A flow that is older than the backend that is told of it.</summary>
/// <param name="Opener">Address and port of who opened it; for an echo the port is the identifier, where there are no ports 0.</param>
/// <param name="Answerer">The same of the other end.</param>
/// <param name="Protocol">IANA protocol number.</param>
/// <param name="Key">What the opener's packets are judged by besides addresses: destination port, type and code, or the protocol.</param>
/// <param name="State">How far a TCP connection is; of others <see cref="ConntrackTcpState.Established"/> when it was answered.</param>
/// <param name="Left">Silence after which it is over.</param>
public sealed record RememberedFlow(IPEndPoint Opener, IPEndPoint Answerer, byte Protocol, ushort Key, ConntrackTcpState State, TimeSpan Left)
{
    /// <summary>Whether only the lack of a listener speaks for who opened it: whoever saw it begin knows better.</summary>
    public bool IsGuess { get; init; }
}
