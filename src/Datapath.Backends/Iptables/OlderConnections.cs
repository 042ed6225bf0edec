using System.Net;
using Datapath.Backends.Host;
using Datapath.Backends.Iptables.Lowering;
using Datapath.Interop;
using Datapath.Interop.Libc;
using Datapath.Interop.Netlink;
using Datapath.Policy.Compilation;
using Datapath.Policy.Rulesets;

namespace Datapath.Backends.Iptables;

/// <summary>
/// Tells conntrack of connections that are older than it is, so that it knows who opened them: it begins to look only when the first chain
/// asks it, and would take whoever speaks next for the opener.
/// </summary>
/// <param name="openers">Judges them by the policy that comes.</param>
/// <param name="allowed">Mark of connections whose opener may speak.</param>
/// <param name="denied">Mark of the others.</param>
internal sealed class OlderConnections(OpenerJudge openers, uint allowed, uint denied)
{
    // Whoever speaks between two calls of ours begins it again, the wrong way round.
    private const int MostAttempts = 5;

    private const int EchoRequest = 8;
    private const int EchoRequest6 = 128;
    private const int EchoReply = 0;
    private const int EchoReply6 = 129;

    // nf_conntrack_tcp_timeout_established and so on: the next packet sets the host's own.
    private static readonly TimeSpan LifetimeOfSocket = TimeSpan.FromDays(5);
    private static readonly TimeSpan LifetimeOfClosingSocket = TimeSpan.FromMinutes(2);

    /// <summary>Takes up flows that somebody remembers.</summary>
    /// <param name="flows">Better knowledge first.</param>
    /// <exception cref="KernelException">Refused.</exception>
    public void TakeUp(IEnumerable<RememberedFlow> flows)
    {
        // One that is judged at two places is remembered twice.
        List<(ConntrackEntry Entry, TimeSpan Lifetime, bool IsGuess)> wanted =
        [
            .. flows.Where(IsTracked).DistinctBy(flow => (flow.Opener, flow.Answerer, flow.Protocol)).Select(flow => (Marked(Entry(flow)), flow.Left, flow.IsGuess)),
        ];
        for (int attempt = 0; wanted.Count > 0 && attempt < MostAttempts; attempt++)
        {
            var present = Conntrack.Read().Where(entry => entry.Zone == 0).ToLookup(entry => entry.Original);
            // Also what begins the other way round, where a socket without a listener is all that says so.
            wanted = [.. wanted.Where(one => !present.Contains(one.Entry.Original) && !(one.IsGuess && present.Contains(one.Entry.Reply)))];
            // Who answered before we came is no opener. What NAT has changed has other tuples, and what chains have marked was opened.
            foreach (ConntrackEntry reversed in wanted.SelectMany(one => present[one.Entry.Reply].Where(entry => entry.Reply == one.Entry.Original && (entry.Mark & (allowed | denied)) == 0)))
            {
                Conntrack.Remove(reversed);
            }

            wanted = [.. wanted.Where(one => !Conntrack.TryAdd(one.Entry, one.Lifetime))];
        }
    }

    /// <summary>What the TCP sockets of the host and of its pods know.</summary>
    /// <param name="places">Where the units are.</param>
    public static IEnumerable<RememberedFlow> OfSockets(UnitPlaces places)
    {
        var flows = new List<SocketFlow>();
        if (places.Host is not null)
        {
            flows.AddRange(SocketFlows.Of(SocketTable.ReadTcp()));
        }

        foreach ((_, NetworkNamespace pod) in PeerNamespaces.Open(places.Pods.Select(pod => pod.Interface.PeerNamespace).OfType<int>().ToHashSet()))
        {
            using (pod)
            {
                flows.AddRange(SocketFlows.Of(pod.Run(SocketTable.ReadTcp)));
            }
        }

        return flows.Select(Remembered);
    }

    // Where conntrack reads ports and policy does not, nobody remembers what it would ask for; of ICMP it tracks what asks.
    private static bool IsTracked(RememberedFlow flow) =>
        flow.Protocol switch
        {
            IanaProtocol.Tcp or IanaProtocol.Udp => true,
            IanaProtocol.Icmp => flow.Key >> 8 == EchoRequest,
            IanaProtocol.IcmpV6 => flow.Key >> 8 == EchoRequest6,
            _ => false,
        };

    private static RememberedFlow Remembered(SocketFlow flow)
    {
        bool isOpen = flow.State == TcpSocketState.Established;
        return new RememberedFlow(
            flow.Opener,
            flow.Answerer,
            IanaProtocol.Tcp,
            (ushort)flow.Answerer.Port,
            isOpen ? ConntrackTcpState.Established : ConntrackTcpState.FinWait,
            isOpen ? LifetimeOfSocket : LifetimeOfClosingSocket
        )
        {
            IsGuess = flow.Direction == Direction.Outgoing,
        };
    }

    private ConntrackEntry Marked(ConntrackEntry entry) => entry with { Mark = openers.MaySpeak(entry) is true ? allowed : denied };

    private static ConntrackEntry Entry(RememberedFlow flow)
    {
        bool isTcp = flow.Protocol == IanaProtocol.Tcp;
        return new ConntrackEntry(Tuple(flow, flow.Opener, flow.Answerer, isAnswer: false), Tuple(flow, flow.Answerer, flow.Opener, isAnswer: true), Mark: 0, Zone: 0)
        {
            IsAnswered = flow.State != ConntrackTcpState.SynSent,
            TcpState = isTcp ? flow.State : null,
        };
    }

    private static ConntrackTuple Tuple(RememberedFlow flow, IPEndPoint from, IPEndPoint to, bool isAnswer)
    {
        var tuple = new ConntrackTuple(from.Address, to.Address, flow.Protocol, (ushort)from.Port, (ushort)to.Port, 0);
        return flow.Protocol switch
        {
            IanaProtocol.Icmp => Echo(EchoReply),
            IanaProtocol.IcmpV6 => Echo(EchoReply6),
            _ => tuple,
        };

        ConntrackTuple Echo(int reply) =>
            tuple with
            {
                SourcePort = 0,
                DestinationPort = 0,
                EchoIdentifier = (ushort)from.Port,
                IcmpTypeAndCode = isAnswer ? (ushort)((reply << 8) | (flow.Key & 0xff)) : flow.Key,
            };
    }
}
