using Datapath.Policy.Compilation;

namespace Datapath.Flows;

/// <summary>A flow, or several alike, with everything that is known of them: what sinks are given.</summary>
/// <param name="Time">When the record was made, wall clock.</param>
/// <param name="Last">The latest event that it stands for; its tuple, verdict, hook and generation are the record's.</param>
/// <param name="FirstSeen">When the kernel judged the first of them.</param>
/// <param name="Count">How many events it stands for; 0 when it only says what was carried.</param>
/// <param name="Unit">The unit that was judged.</param>
/// <param name="Source">Who sent the packet.</param>
/// <param name="Destination">Whom it was sent to.</param>
/// <param name="Rule">The rule that decided; null when there was none, or no policy of ours knows it.</param>
/// <param name="ObservedRule">The observing rule that matched too; null likewise.</param>
public readonly record struct FlowRecord(
    DateTimeOffset Time,
    FlowEvent Last,
    DateTimeOffset FirstSeen,
    long Count,
    FlowEndpoint Unit,
    FlowEndpoint Source,
    FlowEndpoint Destination,
    RuleIdentity? Rule,
    RuleIdentity? ObservedRule
)
{
    /// <summary>What was carried since the record before; nothing unless flows have accounts.</summary>
    public FlowCarried Carried { get; init; }

    /// <summary>When something was last seen to have been carried; the least of all times when nothing was.</summary>
    public DateTimeOffset CarriedAt { get; init; }

    /// <summary>When it was last seen, whichever way.</summary>
    public DateTimeOffset LastSeen => CarriedAt > Last.Time ? CarriedAt : Last.Time;

    /// <summary>Makes a record of events that are alike.</summary>
    /// <param name="time">Now, wall clock.</param>
    /// <param name="last">The latest of them.</param>
    /// <param name="firstSeen">When the kernel judged the first.</param>
    /// <param name="count">How many they are.</param>
    /// <param name="names">What their numbers stand for.</param>
    public static FlowRecord Of(DateTimeOffset time, FlowEvent last, DateTimeOffset firstSeen, long count, FlowNames names)
    {
        ArgumentNullException.ThrowIfNull(last);
        ArgumentNullException.ThrowIfNull(names);
        bool isIncoming = last.Direction == Direction.Incoming;
        FlowEndpoint unit = names.Unit(last.Unit) ?? names.Peer(isIncoming ? last.Destination : last.Source);
        FlowEndpoint peer = names.Peer(isIncoming ? last.Source : last.Destination);
        return new FlowRecord(
            time,
            last,
            firstSeen,
            count,
            unit,
            isIncoming ? peer : unit,
            isIncoming ? unit : peer,
            names.Rule(last.RuleIndex),
            names.Rule(last.ObservedRuleIndex)
        );
    }
}

/// <summary>Takes a record; by reference, because it is large and there are many.</summary>
/// <param name="record">The record; not kept.</param>
public delegate void FlowRecordReceiver(in FlowRecord record);
