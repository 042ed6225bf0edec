using System.Net;
using System.Net.Sockets;
using Datapath.Interop.Netlink;
using Datapath.Policy.Compilation;
using Datapath.Policy.Rulesets;

namespace Datapath.Backends.Ebpf.OlderFlows;

/// <summary>What the TCP sockets of a network namespace tell of the connections of the unit that lives there: pure.</summary>
internal static class SocketFlows
{
    /// <summary>The flows of the sockets that are connected to others. Who listens on the local port was called; else this end opened.</summary>
    /// <param name="unit">Number of the unit.</param>
    /// <param name="sockets">All of the namespace. What the unit says to itself crosses no interface that is judged.</param>
    public static IEnumerable<OlderFlow> Of(int unit, IReadOnlyCollection<TcpSocket> sockets)
    {
        ILookup<int, TcpSocket> listeners = sockets.Where(one => one.State == TcpSocketState.Listen).ToLookup(one => one.Local.Port);
        // Each end of a connection with itself is a socket here.
        HashSet<(IPEndPoint, IPEndPoint)> all = [.. sockets.Select(one => (one.Local, one.Remote))];
        return
            from one in sockets
            where one.State != TcpSocketState.Listen && !all.Contains((one.Remote, one.Local))
            select listeners[one.Local.Port].Any(listener => IsHeardBy(listener, one.Local.Address))
                ? Flow(unit, Direction.Incoming, one.Remote, one.Local, one.State)
                : Flow(unit, Direction.Outgoing, one.Local, one.Remote, one.State);
    }

    private static bool IsHeardBy(TcpSocket listener, IPAddress address) =>
        listener.Local.Address.Equals(address)
        || (listener.Local.Address.Equals(IPAddress.Any) && address.AddressFamily == AddressFamily.InterNetwork)
        || (listener.Local.Address.Equals(IPAddress.IPv6Any) && (!listener.IsForIPv6Only || address.AddressFamily == AddressFamily.InterNetworkV6));

    private static OlderFlow Flow(int unit, Direction direction, IPEndPoint opener, IPEndPoint answerer, TcpSocketState state) =>
        new(unit, direction, opener, answerer, IanaProtocol.Tcp, (ushort)answerer.Port, StateOf(state));

    // Half closed: its socket proves it again if it lives longer than such an entry does.
    private static DpFlowState StateOf(TcpSocketState state) =>
        state switch
        {
            TcpSocketState.Established => DpFlowState.Established,
            TcpSocketState.LastAck or TcpSocketState.Closing => DpFlowState.LastAck,
            _ => DpFlowState.FinWait,
        };
}
