using System.Net;
using Datapath.Backends.Host;
using Datapath.Interop.Netlink;
using Datapath.Policy.Compilation;
using Datapath.Policy.Rulesets;

namespace Datapath.Backends.Ebpf.OlderFlows;

/// <summary>What the kernel's connection tracking tells of a connection, as the judges of this host see it: pure.</summary>
/// <remarks>
/// A connection has two tuples on the wire: as its opener sends, and as who answers receives, after translation of addresses. A judge sees
/// the one of the side that it stands on: an uplink and a sending pod the first when it comes in, a receiving pod and the uplink that it
/// leaves by the second.
/// </remarks>
internal static class TrackedFlows
{
    private const int EchoRequest = 8 << 8;
    private const int EchoRequest6 = 128 << 8;

    /// <summary>The flows that a tracked connection is; none when nobody here judges it, or nobody knows who opened it.</summary>
    /// <param name="entry">The connection.</param>
    /// <param name="owners">Whose addresses are whose.</param>
    public static IEnumerable<OlderFlow> Of(ConntrackEntry entry, AddressOwners owners)
    {
        if (StateOf(entry) is not { } state || !IsAnswerable(entry.Original))
        {
            yield break;
        }

        (ConntrackTuple sent, ConntrackTuple answered) = (entry.Original, entry.Reply);
        OlderFlow asSent = Flow(sent, sent, state);
        // What answers are sent to is what the opener's packets come from.
        OlderFlow asReceived = Flow(answered with { Source = answered.Destination, SourcePort = answered.DestinationPort, Destination = answered.Source, DestinationPort = answered.SourcePort }, sent, state);
        bool isHostsOwn = owners.IsHosts(sent.Source);
        if (owners.PodOf(sent.Source) is { } sender)
        {
            yield return asSent with { Unit = sender, Direction = Direction.Outgoing };
        }

        if (owners.IsHosts(sent.Destination) && !isHostsOwn)
        {
            yield return asSent with { Unit = LocalUnit.HostNumber, Direction = Direction.Incoming };
        }

        if (owners.IsHosts(answered.Destination) && !owners.IsHosts(answered.Source))
        {
            yield return asReceived with { Unit = LocalUnit.HostNumber, Direction = Direction.Outgoing, IsTranslated = !isHostsOwn };
        }

        if (owners.PodOf(answered.Source) is { } receiver)
        {
            yield return asReceived with { Unit = receiver, Direction = Direction.Incoming };
        }
    }

    /// <summary>Null of a connection that was taken up in the middle: its sockets know better, and the opener is never guessed.</summary>
    private static DpFlowState? StateOf(ConntrackEntry entry) =>
        entry.Original.Protocol != IanaProtocol.Tcp ? entry.IsAnswered ? DpFlowState.Established : DpFlowState.Opening
        : entry.IsTakenUp ? null
        : entry.TcpState switch
        {
            ConntrackTcpState.SynSent or ConntrackTcpState.SynSentTwice => DpFlowState.Opening,
            ConntrackTcpState.SynReceived => DpFlowState.SynReceived,
            ConntrackTcpState.Established => DpFlowState.Established,
            ConntrackTcpState.FinWait => DpFlowState.FinWait,
            ConntrackTcpState.CloseWait => DpFlowState.CloseWait,
            ConntrackTcpState.LastAck => DpFlowState.LastAck,
            ConntrackTcpState.TimeWait => DpFlowState.TimeWait,
            ConntrackTcpState.Close => DpFlowState.Closed,
            _ => null,
        };

    // Of ICMP only an echo is answered by what has the same key.
    private static bool IsAnswerable(ConntrackTuple sent) =>
        sent.Protocol switch
        {
            IanaProtocol.Icmp => sent.IcmpTypeAndCode == EchoRequest,
            IanaProtocol.IcmpV6 => sent.IcmpTypeAndCode == EchoRequest6,
            _ => true,
        };

    private static OlderFlow Flow(ConntrackTuple tuple, ConntrackTuple sent, DpFlowState state)
    {
        (ushort source, ushort destination, ushort key) = sent.Protocol switch
        {
            IanaProtocol.Tcp or IanaProtocol.Udp => (tuple.SourcePort, tuple.DestinationPort, tuple.DestinationPort),
            // Translation may change the identifier, and never type and code.
            IanaProtocol.Icmp or IanaProtocol.IcmpV6 => (tuple.EchoIdentifier, tuple.EchoIdentifier, sent.IcmpTypeAndCode),
            // Others have ports for connection tracking (GRE, SCTP), and none for us.
            _ => ((ushort)0, (ushort)0, sent.Protocol),
        };
        return new OlderFlow(0, default, new IPEndPoint(tuple.Source, source), new IPEndPoint(tuple.Destination, destination), sent.Protocol, key, state);
    }
}
