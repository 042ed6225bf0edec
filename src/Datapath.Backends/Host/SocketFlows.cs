using System.Net;
using System.Net.Sockets;
using Datapath.Interop.Netlink;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Host;

/// <summary>A TCP connection, by the socket of one end.</summary>
/// <param name="Direction">Who opened it, seen from that end.</param>
/// <param name="Opener">Address and port of who did.</param>
/// <param name="Answerer">The same of the other end.</param>
/// <param name="State">How far it is.</param>
internal sealed record SocketFlow(Direction Direction, IPEndPoint Opener, IPEndPoint Answerer, TcpSocketState State);

/// <summary>What the TCP sockets of a network namespace tell of the connections of the unit that lives there: pure.</summary>
internal static class SocketFlows
{
    /// <summary>The flows of the sockets that are connected to others. Who listens on the local port was called; else this end opened.</summary>
    /// <param name="sockets">All of the namespace. What the unit says to itself crosses no interface that is judged.</param>
    public static IEnumerable<SocketFlow> Of(IReadOnlyCollection<TcpSocket> sockets)
    {
        ILookup<int, TcpSocket> listeners = sockets.Where(one => one.State == TcpSocketState.Listen).ToLookup(one => one.Local.Port);
        // Each end of a connection with itself is a socket here.
        HashSet<(IPEndPoint, IPEndPoint)> all = [.. sockets.Select(one => (one.Local, one.Remote))];
        return
            from one in sockets
            where one.State != TcpSocketState.Listen && !all.Contains((one.Remote, one.Local))
            select listeners[one.Local.Port].Any(listener => IsHeardBy(listener, one.Local.Address))
                ? new SocketFlow(Direction.Incoming, one.Remote, one.Local, one.State)
                : new SocketFlow(Direction.Outgoing, one.Local, one.Remote, one.State);
    }

    private static bool IsHeardBy(TcpSocket listener, IPAddress address) =>
        listener.Local.Address.Equals(address)
        || (listener.Local.Address.Equals(IPAddress.Any) && address.AddressFamily == AddressFamily.InterNetwork)
        || (listener.Local.Address.Equals(IPAddress.IPv6Any) && (!listener.IsForIPv6Only || address.AddressFamily == AddressFamily.InterNetworkV6));
}
