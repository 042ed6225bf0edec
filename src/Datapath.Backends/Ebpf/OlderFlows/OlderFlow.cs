using System.Net;
using Datapath.Backends.Host;
using Datapath.Interop.Netlink;
using Datapath.Policy.Compilation;
using Datapath.Policy.Rulesets;

namespace Datapath.Backends.Ebpf.OlderFlows;

/// <summary>A flow that is older than enforcement, as one unit's judge sees it on the wire.</summary>
/// <param name="Unit">Number of the unit.</param>
/// <param name="Direction">Who opened it.</param>
/// <param name="Opener">Address and port of who did; for an echo the port is the identifier, where there are no ports 0.</param>
/// <param name="Answerer">The same of the other end.</param>
/// <param name="Protocol">IANA protocol number.</param>
/// <param name="Key">What the opener's packets are judged by besides addresses: destination port, type and code, or the protocol.</param>
/// <param name="State">How far it is.</param>
internal sealed record OlderFlow(int Unit, Direction Direction, IPEndPoint Opener, IPEndPoint Answerer, byte Protocol, ushort Key, DpFlowState State)
{
    /// <summary>What a socket of the unit knows of a connection.</summary>
    /// <param name="unit">Number of the unit.</param>
    /// <param name="flow">What it knows.</param>
    public static OlderFlow Of(int unit, SocketFlow flow) =>
        new(unit, flow.Direction, flow.Opener, flow.Answerer, IanaProtocol.Tcp, (ushort)flow.Answerer.Port, StateOf(flow.State));

    /// <summary>Whether the host's NAT lent it the host's address: then another unit's rules let it open, and this one's are not asked.</summary>
    public bool IsTranslated { get; init; }

    /// <summary>Whether it has a handshake.</summary>
    public bool IsTcp => Protocol == IanaProtocol.Tcp;

    /// <summary>Whether both ends agreed, so that it is not forgotten before its time. A ping proves nobody.</summary>
    public bool IsProved =>
        Protocol is not (IanaProtocol.Icmp or IanaProtocol.IcmpV6) && State is not (DpFlowState.Opening or DpFlowState.SynReceived);

    // Half closed: its socket proves it again if it lives longer than such an entry does.
    private static DpFlowState StateOf(TcpSocketState state) =>
        state switch
        {
            TcpSocketState.Established => DpFlowState.Established,
            TcpSocketState.LastAck or TcpSocketState.Closing => DpFlowState.LastAck,
            _ => DpFlowState.FinWait,
        };
}
