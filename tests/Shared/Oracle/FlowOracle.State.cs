using System.Diagnostics;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Policy.Evaluation;
using Datapath.Shared.Sequences;

namespace Datapath.Shared.Oracle;

/// <content>Flows: who opened them, what their packets may do, how they end.</content>
internal sealed partial class FlowOracle
{
    // net.ipv4.ipfrag_time
    private const int FragmentSeconds = 30;

    private enum State
    {
        Opening,
        Answered,
        Closing,
        Reset,
    }

    /// <summary>What needs the list of flows.</summary>
    /// <param name="question">The packet's own direction.</param>
    /// <param name="packet">The packet.</param>
    /// <param name="own">What the policy says of that direction.</param>
    private Ruling AskState(Question question, Seen packet, Judgement own)
    {
        Flow? flow = Find(question.Unit, packet);
        if (flow is not null && packet.IsOpeningSyn && IsFreeForSyn(flow, question.Direction))
        {
            flow = null;
        }
        bool isFromOpener = flow?.Opener.Direction == question.Direction;
        if (own.Verdict == Verdict.Allow)
        {
            if (flow is null)
            {
                return Open(question, packet, own);
            }
            if (MaySpeak(flow))
            {
                Note(flow, packet, isFromOpener);
            }
            return By(own, DropReason.None, "of a flow, by its own right");
        }
        if (flow is null)
        {
            return By(own, DropReason.Policy, "of no flow");
        }
        if (isFromOpener)
        {
            // An echo and its reply have one identifier: what opened the flow was the other of the two, and this was never allowed.
            return question == flow.Opener ? By(own, DropReason.Revoked, "opener revoked") : By(own, DropReason.Policy, "opener's other kind");
        }
        if (packet.IsOpeningSyn)
        {
            return By(own, DropReason.Policy, "bare SYN is no answer");
        }
        Judgement opener = Policy.Judge(flow.Opener);
        if (opener.Verdict == Verdict.Reject)
        {
            return By(opener, DropReason.Revoked, "answer to a revoked opener");
        }
        Note(flow, packet, isFromOpener: false);
        return By(opener, DropReason.None, "answer");

        Ruling By(Judgement rule, DropReason reason, string why) => new(question.Unit, question.Direction, reason, rule, IsNewFlow: false, why);
    }

    private Ruling Open(Question question, Seen packet, Judgement own)
    {
        if (packet.Protocol == ProtocolNumber.Tcp && !packet.IsOpeningSyn)
        {
            return new Ruling(question.Unit, question.Direction, DropReason.None, own, IsNewFlow: false, "TCP of no flow, by its own right");
        }
        bool wasThere = _flows.RemoveAll(one => one.Opener.Unit == question.Unit && one.Has(packet)) > 0;
        _flows.Add(new Flow(question, packet) { SeenAt = _now });
        return new Ruling(question.Unit, question.Direction, DropReason.None, own, IsNewFlow: true, wasThere ? "opens again" : "opens");
    }

    /// <summary>Whether a SYN begins anew: what was there has closed, or belongs to the other side, who may not speak any more.</summary>
    private bool IsFreeForSyn(Flow flow, Direction direction) =>
        flow.State >= State.Closing || (flow.Opener.Direction != direction && !MaySpeak(flow));

    /// <summary>A packet of the flow passed.</summary>
    private void Note(Flow flow, Seen packet, bool isFromOpener)
    {
        if (flow.State == State.Reset)
        {
            return;
        }
        if (packet.Flags.HasFlag(TcpFlags.Rst))
        {
            flow.State = State.Reset;
        }
        else if (packet.Flags.HasFlag(TcpFlags.Fin))
        {
            flow.State = State.Closing;
        }
        else if (flow.State == State.Opening && !isFromOpener)
        {
            flow.State = State.Answered;
        }
        flow.SeenAt = _now;
    }

    /// <summary>Silence after which a flow is forgotten: the values of nf_conntrack.</summary>
    private static long TimeoutSeconds(Flow flow) =>
        (flow.Packet.Protocol, flow.State) switch
        {
            (ProtocolNumber.Tcp, State.Opening) => 120,
            (ProtocolNumber.Tcp, State.Answered) => 432_000,
            (ProtocolNumber.Tcp, State.Closing) => 120,
            (ProtocolNumber.Tcp, State.Reset) => 10,
            (ProtocolNumber.Udp, State.Opening) => 30,
            (ProtocolNumber.Udp, State.Answered) => 120,
            (ProtocolNumber.Icmp or ProtocolNumber.Icmp6, _) => 30,
            (not ProtocolNumber.Tcp and not ProtocolNumber.Udp, _) => 600,
            _ => throw new UnreachableException($"state {flow.State}"),
        };

    /// <summary>A flow that was allowed to open.</summary>
    /// <param name="Opener">Who opened it and what for: asked again whenever it matters.</param>
    /// <param name="Packet">The packet that opened it.</param>
    private sealed record Flow(Question Opener, Seen Packet)
    {
        public State State { get; set; }

        public long SeenAt { get; set; }

        /// <summary>Whether a packet has the flow's ends, in either order.</summary>
        public bool Has(Seen packet) =>
            packet.Protocol == Packet.Protocol
            && (
                (packet.Sender == Packet.Sender && packet.Receiver == Packet.Receiver)
                || (packet.Sender == Packet.Receiver && packet.Receiver == Packet.Sender)
            );
    }
}
