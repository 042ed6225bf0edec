using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Inventory;
using Datapath.Shared.Sequences;

namespace Datapath.Shared.Oracle;

/// <summary>
/// A stateful firewall that is slow and obvious: a list of flows and a list of first fragments, searched from end to end, over the
/// evaluator. It says what the design says (policy first, then state), in the order of the design, and shares no code with what it judges.
/// </summary>
/// <param name="places">The interfaces whose packets are judged.</param>
/// <param name="hostAddresses">Addresses of the host itself.</param>
internal sealed partial class FlowOracle(IReadOnlyCollection<Place> places, IReadOnlyCollection<AddressKey> hostAddresses)
{
    private readonly List<Flow> _flows = [];
    private readonly List<FirstFragment> _fragments = [];
    private RuleBook? _policy;
    private uint _generation;
    private long _now;

    private RuleBook Policy => _policy ?? throw new InvalidOperationException("no policy is in force");

    /// <summary>From now on packets are judged by this policy.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="generation">Its number; another one is another policy, even when it says the same.</param>
    public void Enforce(RuleBook policy, uint generation) => (_policy, _generation) = (policy, generation);

    /// <summary>Time passes.</summary>
    public void Wait(int seconds) => _now += seconds;

    /// <summary>Forgets all flows, or those that a packet belongs to.</summary>
    public void Evict(WirePacket? of)
    {
        if (of is null)
        {
            _flows.Clear();
        }
        else
        {
            var seen = Seen.Of(of);
            _flows.RemoveAll(flow => flow.Has(seen));
        }
    }

    /// <summary>What becomes of a packet.</summary>
    public Outcome Judge(PacketStep step)
    {
        Place place = places.Single(one => one.Interface == step.Interface);
        if (step.Packet.Damage == Damage.WrongVersion)
        {
            // Nobody can tell whose it is: the interface's unit stands for it.
            Direction direction = step.IsInwards == (place.Unit is null) ? Direction.Incoming : Direction.Outgoing;
            return new Outcome([new Ruling(place.Unit, direction, DropReason.BadHeader, null, IsNewFlow: false, "unreadable header")]);
        }
        Seen packet = RecallPorts(place, Seen.Of(step.Packet));
        var rulings = new List<Ruling>();
        foreach ((UnitName? unit, Direction direction, bool mayBeItself) in Judges(place, step))
        {
            rulings.Add(Ask(unit, direction, packet, mayBeItself));
            if (rulings[^1].Verdict == Verdict.Reject)
            {
                break;
            }
        }
        var outcome = new Outcome([.. rulings]);
        LeavePorts(place, packet, outcome);
        if (outcome.Passes && !step.IsInwards && step.Origin != Origin.Host)
        {
            NoteTranslated(packet);
        }
        return outcome;
    }

    /// <summary>Who is asked about a packet, the sender's side first. At a unit's own interface directions swap.</summary>
    private IEnumerable<(UnitName? Unit, Direction Direction, bool MayBeItself)> Judges(Place place, PacketStep step)
    {
        bool isForHost = IsForHost(step.Packet.Destination);
        bool isFromHost = step.Origin == Origin.Host;
        switch (place.Unit, step.IsInwards)
        {
            case (null, true) when isForHost:
                yield return (null, Direction.Incoming, false);
                break;
            case (null, false) when isFromHost:
                yield return (null, Direction.Outgoing, true);
                break;
            case ({ } unit, true):
                yield return (unit, Direction.Outgoing, true);
                if (isForHost)
                {
                    yield return (null, Direction.Incoming, false);
                }
                break;
            case ({ } unit, false):
                if (isFromHost)
                {
                    yield return (null, Direction.Outgoing, true);
                }
                // Only what went out by the same interface may be the unit talking to itself.
                yield return (unit, Direction.Incoming, step.Origin == Origin.SameInterface);
                break;
        }
    }

    private bool IsForHost(AddressKey address) =>
        hostAddresses.Contains(address)
        || (address.IsIPv6 ? address.Value >> 120 == 0xff : address.Value >> 28 == 0xe || address.Value == uint.MaxValue || address.Value >> 24 == 127 || address.Value == 0);

    /// <summary>A later fragment takes up the ports that the first one left at the same unit's interface within half a minute.</summary>
    private Seen RecallPorts(Place place, Seen packet)
    {
        FirstFragment? first = packet.Fragment == FragmentPart.Later && packet.Table != PortTable.Other ? _fragments.Find(one => one.Has(place, packet)) : null;
        return first is null || _now - first.SeenAt > FragmentSeconds
            ? packet
            : packet with { SourcePort = first.Packet.SourcePort, DestinationPort = first.Packet.DestinationPort, Key = first.Packet.Key, Defect = DropReason.None };
    }

    /// <summary>A first fragment leaves its ports, if it passed: one that was refused leaves nothing.</summary>
    private void LeavePorts(Place place, Seen packet, Outcome outcome)
    {
        if (outcome.Passes && packet is { Fragment: FragmentPart.First, Defect: DropReason.None } && packet.Table != PortTable.Other)
        {
            _fragments.RemoveAll(one => one.Has(place, packet));
            _fragments.Add(new FirstFragment(place.Unit, packet, _now));
        }
    }

    private Ruling Ask(UnitName? unit, Direction direction, Seen packet, bool mayBeItself)
    {
        if (packet.Defect != DropReason.None && (packet.IsProtocolKnown ? Policy.PortsMatter(unit, direction) : Policy.ProtocolMatters(unit, direction)))
        {
            return new Ruling(unit, direction, packet.Defect, null, IsNewFlow: false, "ports unknown where they matter");
        }
        AddressKey peer = direction == Direction.Incoming ? packet.Source : packet.Destination;
        var question = new Question(unit, direction, peer, packet.Table, packet.Key) { PeerMayBeUnit = mayBeItself };
        Judgement own = Policy.Judge(question);
        bool isOpenDirection = own.Verdict == Verdict.Allow;
        if (packet.Defect != DropReason.None)
        {
            return By(own, isOpenDirection ? DropReason.None : DropReason.Policy, "ports unknown where they do not matter");
        }
        if (own.Rule.Kind == RuleKind.Local)
        {
            // Allowed both ways, whatever the rules: there is nothing to remember. What only claims to be the unit's finds no flow of it.
            return By(own, DropReason.None, "of the unit with itself");
        }
        // Policy first: what is allowed and cannot change a flow is not looked up, but for the packet that proves a connection.
        bool isPlainTcp = packet is { Protocol: ProtocolNumber.Tcp, HandshakeFlags: TcpFlags.None } && !IsProofExpected(unit, packet);
        if (isOpenDirection && (own.Flags.HasFlag(DescriptorFlags.BuiltIn) || isPlainTcp))
        {
            return By(own, DropReason.None, "allowed without a look-up");
        }
        if (!isOpenDirection && packet.About is { } about)
        {
            return IsAboutAFlow(unit, direction, packet, about) is { } flow
                ? By(OpenerOf(flow), DropReason.None, "error about a flow")
                : By(own, DropReason.Policy, "error about no flow");
        }
        return AskState(question, packet, own);

        Ruling By(Judgement? rule, DropReason reason, string why) => new(unit, direction, reason, rule, IsNewFlow: false, why);
    }

    /// <summary>
    /// The flow of the packet that an error is about: one that went the other way, to the error's own destination. The host also tells of what
    /// it forwarded: to whom a unit's packet was sent, or the unit that sent it.
    /// </summary>
    private Flow? IsAboutAFlow(UnitName? unit, Direction direction, Seen error, Seen about)
    {
        if (about.Source != error.Destination)
        {
            return null;
        }
        Flow? flow = Find(unit, about);
        if (flow is null && unit is null && direction == Direction.Outgoing)
        {
            (flow, direction) = FindForwarded(about.Destination, about) is { } received ? (received, direction) : (FindForwarded(about.Source, about), Direction.Incoming);
        }
        if (flow is null)
        {
            return null;
        }
        bool isFromOpener = flow.Packet.Source == about.Source && flow.Packet.SourcePort == about.SourcePort;
        bool isToItself = flow.Packet.Source == flow.Packet.Destination;
        Direction quoted = isFromOpener ? flow.Opener.Direction : Opposite(flow.Opener.Direction);
        return (isToItself || quoted != direction) && MaySpeak(flow) ? flow : null;
    }

    /// <summary>The flow of a packet that was forwarded, at the unit that has one of its addresses.</summary>
    private Flow? FindForwarded(AddressKey end, Seen packet)
    {
        UnitName? owner = places.Select(one => one.Unit).FirstOrDefault(unit => unit is not null && Policy.Judge(new Question(unit, Direction.Outgoing, end, PortTable.Other, Key: 0)).Rule.Kind == RuleKind.Local);
        return owner is null ? null : Find(owner, packet);
    }

    private static Direction Opposite(Direction direction) => direction == Direction.Incoming ? Direction.Outgoing : Direction.Incoming;

    private Flow? Find(UnitName? unit, Seen packet) =>
        _flows.Find(flow => flow.Opener.Unit == unit && flow.Has(packet) && _now - flow.SeenAt <= TimeoutSeconds(flow));

    /// <summary>
    /// Whether the policy lets the opener speak. Under another generation than the last one answers may have passed unseen, so that nobody
    /// knows any more where the two sides are.
    /// </summary>
    private bool MaySpeak(Flow flow)
    {
        bool may = flow.IsTranslated || Policy.Judge(flow.Opener).Verdict == Verdict.Allow;
        if (may && flow.Generation != _generation)
        {
            flow.Generation = _generation;
            (flow.KnowsOpener, flow.KnowsAnswerer) = (false, false);
        }
        return may;
    }

    private sealed record FirstFragment(UnitName? Unit, Seen Packet, long SeenAt)
    {
        public bool Has(Place place, Seen packet) =>
            place.Unit == Unit
            && packet.Source == Packet.Source
            && packet.Destination == Packet.Destination
            && packet.Protocol == Packet.Protocol
            && packet.FragmentId == Packet.FragmentId;
    }
}
