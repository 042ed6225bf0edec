using System.Net;

namespace Datapath.Interop.Netlink;

/// <summary>A TCP socket that listens or is connected.</summary>
/// <param name="Local">Its own end; the address is any for one that listens everywhere. An IPv4 address is never a mapped one.</param>
/// <param name="Remote">The other end; of no meaning for one that listens.</param>
/// <param name="State">How far it is.</param>
/// <param name="IsForIPv6Only">Whether one that listens everywhere leaves IPv4 alone.</param>
public sealed record TcpSocket(IPEndPoint Local, IPEndPoint Remote, TcpSocketState State, bool IsForIPv6Only);

/// <summary>How far a TCP socket is.</summary>
/// <remarks>TCP_* of net/tcp_states.h.</remarks>
public enum TcpSocketState
{
    /// <summary>None that there is.</summary>
    None = 0,

    /// <summary>Both ends agreed.</summary>
    Established = 1,

    /// <summary>This end has said FIN.</summary>
    FinWait1 = 4,

    /// <summary>And that was acknowledged.</summary>
    FinWait2 = 5,

    /// <summary>The other end has said FIN.</summary>
    CloseWait = 8,

    /// <summary>And this end too.</summary>
    LastAck = 9,

    /// <summary>It waits for connections.</summary>
    Listen = 10,

    /// <summary>Both have said FIN, this end first.</summary>
    Closing = 11,
}
