using System.Collections.Immutable;
using Datapath.Agent.Records;
using Datapath.Flows;
using Datapath.Policy.Compilation;

namespace Datapath.Agent.Loops;

/// <summary>Hands flow events with their names to whoever listens. A slow listener loses events, and harms nobody else.</summary>
internal sealed class EventFeed
{
    private ImmutableArray<EventSubscription> _subscriptions = [];
    private FlowNames _names = FlowNames.None;
    private long _received;
    private long _lost;

    /// <summary>Where events become records.</summary>
    public RecordQueue Records { get; } = new();

    /// <summary>When connections were opened.</summary>
    public ConnectionStarts Starts { get; } = new();

    /// <summary>What the numbers in events stand for.</summary>
    public FlowNames Names => Volatile.Read(ref _names);

    /// <summary>Events that the kernel handed over.</summary>
    public long Received => Interlocked.Read(ref _received);

    /// <summary>Events that listeners were too slow for, summed over all that there ever were.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    /// <summary>Who listens now.</summary>
    public int ListenerCount => _subscriptions.Length;

    /// <summary>Replaces what the numbers in events stand for.</summary>
    /// <param name="names">From the policy that is being applied.</param>
    public void Rename(FlowNames names) => Volatile.Write(ref _names, names);

    /// <summary>Hands one event to every listener; never waits.</summary>
    /// <param name="flow">From the kernel.</param>
    public void Publish(FlowEvent flow)
    {
        Interlocked.Increment(ref _received);
        Starts.Note(flow);
        Records.Offer(flow);
        ImmutableArray<EventSubscription> listeners = _subscriptions;
        if (listeners.IsEmpty)
        {
            return;
        }

        FlowNames names = Names;
        NamedFlowEvent named = new(flow, names.UnitName(flow.Unit), names.Rule(flow.RuleIndex), names.Rule(flow.ObservedRuleIndex));
        foreach (EventSubscription listener in listeners)
        {
            if (!listener.TryWrite(named))
            {
                Interlocked.Increment(ref _lost);
            }
        }
    }

    /// <summary>Begins to listen; disposing the subscription ends it.</summary>
    public EventSubscription Subscribe()
    {
        EventSubscription subscription = new(end: Unsubscribe);
        ImmutableInterlocked.Update(ref _subscriptions, (all, added) => all.Add(added), subscription);
        return subscription;
    }

    private void Unsubscribe(EventSubscription subscription) =>
        ImmutableInterlocked.Update(ref _subscriptions, (all, ended) => all.Remove(ended), subscription);
}

/// <summary>An event with what its numbers stand for.</summary>
/// <param name="Event">As the kernel gave it.</param>
/// <param name="UnitName">Name of the unit; null when no policy of ours knows the number.</param>
/// <param name="Rule">The rule that decided; null when there was none, or no policy of ours knows it.</param>
/// <param name="ObservedRule">The observing rule that matched too; null likewise.</param>
internal sealed record NamedFlowEvent(FlowEvent Event, string? UnitName, RuleIdentity? Rule, RuleIdentity? ObservedRule);
