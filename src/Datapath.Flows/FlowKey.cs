using Datapath.Policy.Inventory;

namespace Datapath.Flows;

/// <summary>What makes two events the same flow to a record: everything but the source port, the time, the hook and the generation.</summary>
/// <param name="Source">Source address.</param>
/// <param name="Destination">Destination address.</param>
/// <param name="Tuple">Destination port, protocol, unit, direction, verdict and reason side by side.</param>
/// <param name="Rules">The rule that decided and the one that observed.</param>
/// <remarks>
/// A change of rule or verdict is another key, so that it is reported at once. The hash of a record struct is seeded for each process: who sends
/// packets cannot choose addresses that collide.
/// </remarks>
internal readonly record struct FlowKey(AddressKey Source, AddressKey Destination, ulong Tuple, ulong Rules)
{
    private const int ProtocolShift = 16;
    private const int UnitShift = 24;
    private const int ReasonShift = 40;
    private const int DirectionShift = 48;
    private const int VerdictShift = 49;
    private const int ObservedShift = 50;

    /// <summary>The key of an event.</summary>
    /// <param name="flow">The event.</param>
    public static FlowKey Of(FlowEvent flow)
    {
        ulong tuple =
            flow.DestinationKey
            | ((ulong)flow.Protocol << ProtocolShift)
            | ((ulong)(ushort)flow.Unit << UnitShift)
            | ((ulong)flow.Reason << ReasonShift)
            | ((ulong)flow.Direction << DirectionShift)
            | ((ulong)flow.Verdict << VerdictShift)
            | (flow.ObservedRuleIndex == 0 ? 0 : (ulong)flow.ObservedVerdict << ObservedShift);
        return new FlowKey(
            AddressKey.From(flow.Source),
            AddressKey.From(flow.Destination),
            tuple,
            ((ulong)(uint)flow.RuleIndex << 32) | (uint)flow.ObservedRuleIndex
        );
    }

    /// <summary>Over what tells flows apart; seeded.</summary>
    public override int GetHashCode() => HashCode.Combine(Source.Value, Destination.Value, Tuple, Rules);
}
