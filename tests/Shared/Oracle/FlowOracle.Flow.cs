using System.Diagnostics;
using Datapath.Policy.Compilation;
using Datapath.Policy.Evaluation;
using Datapath.Shared.Sequences;

namespace Datapath.Shared.Oracle;

/// <content>One flow: how it opens, is proved and closes.</content>
internal sealed partial class FlowOracle
{
    /// <summary>Connections whose next packet is looked at although it need not be: the one after the answer to a SYN proves it.</summary>
    private readonly List<Flow> _expectedProofs = [];

    /// <summary>TCP as nf_conntrack has it; the others know "opening" and "established".</summary>
    private enum TcpState
    {
        Opening,
        SynReceived,
        Established,
        FinWait,
        CloseWait,
        LastAck,
        TimeWait,
        Closed,
    }

    /// <summary>Whether somebody waited for a proof, and may still.</summary>
    public bool HasExpectedProof { get; private set; }

    private bool IsProofExpected(UnitName? unit, Seen packet) => _expectedProofs.Exists(one => one.Opener.Unit == unit && one.Has(packet));

    /// <summary>A packet of the flow passed.</summary>
    private void Follow(Flow flow, Question question, Seen packet, Judgement own)
    {
        bool isFromOpener = flow.Opener.Direction == question.Direction;
        bool proves;
        if (packet.Protocol == ProtocolNumber.Tcp)
        {
            bool areWordsKept = AreWordsKept(question, packet, own, isFromOpener);
            proves = FollowTcp(flow, packet, isFromOpener, areWordsKept, isOwnWord: question.Direction == Direction.Outgoing);
            if (isFromOpener && (proves || !flow.KnowsBoth))
            {
                _expectedProofs.RemoveAll(one => one.Opener.Unit == question.Unit && one.Has(packet));
            }
        }
        else
        {
            flow.State = isFromOpener ? flow.State : TcpState.Established;
            flow.SeenAt = _now;
            // The kernel answers whoever pings it.
            proves = !isFromOpener && packet.Protocol is not (ProtocolNumber.Icmp or ProtocolNumber.Icmp6);
        }
        if (proves && !_flows.Exists(one => one.IsProved && one.Opener.Unit == question.Unit && one.Has(packet)))
        {
            flow.IsProved = true;
        }
    }

    /// <summary>Whether all answers are looked up, because their own direction is denied: then both sides' words are known.</summary>
    private bool AreWordsKept(Question question, Seen packet, Judgement own, bool isFromOpener)
    {
        if (!isFromOpener)
        {
            return own.Verdict != Verdict.Allow;
        }
        Direction answers = Opposite(question.Direction);
        return (packet.Flags & (TcpFlags.Fin | TcpFlags.Rst)) != TcpFlags.None
            && Policy.Judge(question with { Direction = answers, Key = packet.SourcePort, PeerMayBeUnit = false }).Verdict != Verdict.Allow;
    }

    /// <summary>Follows a connection. All sequence numbers of these packets lie close together. Returns whether both ends have agreed.</summary>
    private bool FollowTcp(Flow flow, Seen packet, bool isFromOpener, bool areWordsKept, bool isOwnWord)
    {
        bool acknowledges = packet.Flags.HasFlag(TcpFlags.Ack);
        bool isBelieved = isOwnWord || !areWordsKept || isFromOpener || flow.State != TcpState.Opening || acknowledges;
        if (packet.Flags.HasFlag(TcpFlags.Rst))
        {
            if (flow.State != TcpState.Closed && isBelieved)
            {
                Become(flow, TcpState.Closed);
            }
            return false;
        }
        if (packet.Flags.HasFlag(TcpFlags.Syn))
        {
            FollowSyn(flow, isFromOpener, acknowledges);
            return false;
        }
        if (flow.State == TcpState.LastAck && !packet.Flags.HasFlag(TcpFlags.Fin))
        {
            Become(flow, TcpState.TimeWait);
        }
        if (flow.State >= TcpState.LastAck)
        {
            return false;
        }
        if (packet.Flags.HasFlag(TcpFlags.Fin))
        {
            if (isBelieved && !(isFromOpener ? flow.OpenerFinished : flow.AnswererFinished))
            {
                (flow.OpenerFinished, flow.AnswererFinished) = (flow.OpenerFinished || isFromOpener, flow.AnswererFinished || !isFromOpener);
                Become(flow, flow.OpenerFinished && flow.AnswererFinished ? TcpState.LastAck : TcpState.FinWait);
            }
            return false;
        }
        // The opener quotes what only somebody who got the answer knows.
        bool proves = isFromOpener && acknowledges && flow.KnowsBoth;
        if (flow.State == TcpState.FinWait && isFromOpener != flow.OpenerFinished)
        {
            Become(flow, TcpState.CloseWait);
        }
        else if (proves && flow.State < TcpState.Established)
        {
            flow.State = TcpState.Established;
        }
        if (!isFromOpener && areWordsKept && acknowledges)
        {
            (flow.KnowsOpener, flow.KnowsAnswerer) = (true, true);
        }
        flow.SeenAt = _now;
        return proves;
    }

    private void FollowSyn(Flow flow, bool isFromOpener, bool acknowledges)
    {
        if (isFromOpener)
        {
            flow.KnowsOpener |= flow.State == TcpState.Opening;
        }
        else if (acknowledges && flow.State is TcpState.Opening or TcpState.SynReceived or TcpState.Established or TcpState.Closed)
        {
            flow.KnowsAnswerer = true;
            Become(flow, flow.State == TcpState.Established ? TcpState.Established : TcpState.SynReceived);
            if (!flow.IsProved)
            {
                _expectedProofs.Add(flow);
                HasExpectedProof = true;
            }
        }
    }

    private void Become(Flow flow, TcpState state) => (flow.State, flow.SeenAt) = (state, _now);

    /// <summary>Silence after which a flow is forgotten: the values of nf_conntrack.</summary>
    private static long TimeoutSeconds(Flow flow) =>
        (flow.Packet.Protocol, flow.State) switch
        {
            (ProtocolNumber.Tcp, TcpState.Opening or TcpState.FinWait or TcpState.TimeWait) => 120,
            (ProtocolNumber.Tcp, TcpState.Established) => 432_000,
            (ProtocolNumber.Tcp, TcpState.SynReceived or TcpState.CloseWait) => 60,
            (ProtocolNumber.Tcp, TcpState.LastAck) => 30,
            (ProtocolNumber.Tcp, TcpState.Closed) => 10,
            (ProtocolNumber.Udp, TcpState.Opening) => 30,
            (ProtocolNumber.Udp, _) => 120,
            (ProtocolNumber.Icmp or ProtocolNumber.Icmp6, _) => 30,
            (not ProtocolNumber.Tcp, _) => 600,
            _ => throw new UnreachableException($"state {flow.State}"),
        };

    /// <summary>A flow that was allowed to open.</summary>
    /// <param name="opener">Who opened it and what for: asked again whenever it matters.</param>
    /// <param name="packet">The packet that opened it.</param>
    private sealed class Flow(Question opener, Seen packet)
    {
        public Question Opener => opener;

        public Seen Packet => packet;

        public TcpState State { get; set; }

        public long SeenAt { get; set; }

        public uint Generation { get; set; }

        public bool IsProved { get; set; }

        /// <summary>Whether NAT lent it the host's address: no rule of the host was asked.</summary>
        public bool IsTranslated { get; set; }

        public bool KnowsOpener { get; set; }

        public bool KnowsAnswerer { get; set; }

        public bool KnowsBoth => KnowsOpener && KnowsAnswerer;

        public bool OpenerFinished { get; set; }

        public bool AnswererFinished { get; set; }

        /// <summary>Whether a packet has the flow's ends, in either order.</summary>
        public bool Has(Seen other) =>
            other.Protocol == packet.Protocol
            && (
                (other.Sender == packet.Sender && other.Receiver == packet.Receiver)
                || (other.Sender == packet.Receiver && other.Receiver == packet.Sender)
            );
    }
}
