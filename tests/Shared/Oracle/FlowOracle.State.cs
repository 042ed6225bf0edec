using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Policy.Evaluation;
using Datapath.Shared.Sequences;

namespace Datapath.Shared.Oracle;

/// <content>Flows: who opened them, what their packets may do, how they end.</content>
internal sealed partial class FlowOracle
{
    /// <summary>Why a bare SYN is denied that is of no flow, because the one that there was has closed.</summary>
    internal const string SynAfterEnd = "SYN after the end";

    // net.ipv4.ipfrag_time
    private const int FragmentSeconds = 30;

    /// <summary>What needs the list of flows.</summary>
    /// <param name="question">The packet's own direction.</param>
    /// <param name="packet">The packet.</param>
    /// <param name="own">What the policy says of that direction.</param>
    private Ruling AskState(Question question, Seen packet, Judgement own)
    {
        Flow? flow = Find(question.Unit, packet);
        bool maySpeak = flow is not null && MaySpeak(flow);
        bool isFromOpener = flow?.Opener.Direction == question.Direction;
        if (flow is not null && packet.IsOpeningSyn && (flow.State >= TcpState.FinWait || (!isFromOpener && !maySpeak)))
        {
            // What was there has closed, or belongs to the other side, who may not speak any more.
            return own.Verdict == Verdict.Allow ? Open(question, packet, own, flow) : By(own, DropReason.Policy, flow.State >= TcpState.FinWait ? SynAfterEnd : "of no flow");
        }
        if (own.Verdict == Verdict.Allow)
        {
            if (flow is null)
            {
                return Open(question, packet, own, closed: null);
            }
            if (maySpeak)
            {
                Follow(flow, question, packet, own);
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
            // Not by the peer: who claims both of the unit's addresses has one flow, whichever of them he names first.
            bool isOpeners = question with { Peer = flow.Opener.Peer } == flow.Opener;
            return isOpeners ? By(own, DropReason.Revoked, "opener revoked") : By(own, DropReason.Policy, "opener's other kind");
        }
        if (packet.IsOpeningSyn)
        {
            return By(own, DropReason.Policy, "bare SYN is no answer");
        }
        Judgement? opener = OpenerOf(flow);
        if (!maySpeak)
        {
            return By(opener, DropReason.Revoked, "answer to a revoked opener");
        }
        Follow(flow, question, packet, own);
        return By(opener, DropReason.None, "answer");

        Ruling By(Judgement? rule, DropReason reason, string why) => new(question.Unit, question.Direction, reason, rule, IsNewFlow: false, why);
    }

    /// <summary>The rule that a flow's answers pass by; null where no rule of the unit let it open.</summary>
    private Judgement? OpenerOf(Flow flow) => flow.IsTranslated ? null : Policy.Judge(flow.Opener);

    /// <summary>What is forwarded under the host's address was translated: the host follows it, without asking its rules. Only IPv4, and of ICMP only a ping.</summary>
    private void NoteTranslated(Seen packet)
    {
        bool isFollowed = packet is { Source.IsIPv6: false, Defect: DropReason.None } && (packet.Table != PortTable.Icmp || packet.Key >> 8 == 8);
        bool isPlainTcp = packet is { Protocol: ProtocolNumber.Tcp, HandshakeFlags: TcpFlags.None } && !IsProofExpected(unit: null, packet);
        if (!isFollowed || isPlainTcp || !hostAddresses.Contains(packet.Source))
        {
            return;
        }
        var question = new Question(Unit: null, Direction.Outgoing, packet.Destination, packet.Table, packet.Key);
        var free = new Judgement(Verdict.Allow, new RuleIdentity(RuleKind.BuiltIn, "", "translated", Direction.Outgoing, 0, ""), DescriptorFlags.None, null, Verdict.Reject);
        if (AskState(question, packet, free).IsNewFlow)
        {
            _flows[^1].IsTranslated = true;
        }
    }

    /// <summary>A packet of no flow that its own direction allows.</summary>
    /// <param name="closed">The flow whose place the new one takes.</param>
    private Ruling Open(Question question, Seen packet, Judgement own, Flow? closed)
    {
        if (packet.Protocol == ProtocolNumber.Tcp && !packet.IsOpeningSyn)
        {
            // It was forgotten before it was proved: there is nothing to wait for.
            _expectedProofs.RemoveAll(one => one.Opener.Unit == question.Unit && one.Has(packet));
            return new Ruling(question.Unit, question.Direction, DropReason.None, own, IsNewFlow: false, "TCP of no flow, by its own right");
        }
        _flows.RemoveAll(one => one.Opener.Unit == question.Unit && one.Has(packet) && (one == closed || !one.IsProved));
        _flows.Add(new Flow(question, packet) { SeenAt = _now, Generation = _generation, KnowsOpener = true, IsProved = closed?.IsProved ?? false });
        return new Ruling(question.Unit, question.Direction, DropReason.None, own, IsNewFlow: true, closed is null ? "opens" : "opens again");
    }
}
