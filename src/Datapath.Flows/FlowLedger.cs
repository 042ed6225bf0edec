using Datapath.Policy.Compilation;

namespace Datapath.Flows;

/// <summary>Says what flows have carried from one reading of their accounts to the next, and which event told of each. Not thread-safe: one owner.</summary>
/// <remarks>
/// Bounded by those that the kernel still counts. A flow whose event nobody saw, because it is older than the agent, or because its rule has
/// logsDisabled, has no names and no record.
/// </remarks>
/// <param name="capacity">Most flows that are known at a time; 1 or more.</param>
public sealed class FlowLedger(int capacity)
{
    private readonly Dictionary<AccountedFlow, Entry> _flows = [];
    private readonly List<AccountedFlow> _gone = [];
    private long _round;

    /// <summary>Flows that are known now.</summary>
    public int FlowCount => _flows.Count;

    /// <summary>Flows that there was no room for.</summary>
    public long Refused { get; private set; }

    /// <summary>Takes the event of a flow that opened; that of a packet that was dropped carries nothing.</summary>
    /// <param name="flow">The event; kept.</param>
    public void Note(FlowEvent flow)
    {
        ArgumentNullException.ThrowIfNull(flow);
        if (flow.Verdict != Verdict.Allow)
        {
            return;
        }

        var key = AccountedFlow.Of(flow);
        if (_flows.TryGetValue(key, out Entry? known))
        {
            (known.Opener, known.Round) = (flow, _round);
        }
        else if (_flows.Count < capacity)
        {
            _flows.Add(key, new Entry { Opener = flow, Round = _round });
        }
        else
        {
            Refused++;
        }
    }

    /// <summary>Takes all accounts as they are now.</summary>
    /// <param name="accounts">Each flow once.</param>
    /// <param name="receiver">Is told what was added, for each flow whose event is known.</param>
    public void Take(IEnumerable<FlowAccount> accounts, Action<FlowEvent, FlowCarried> receiver)
    {
        ArgumentNullException.ThrowIfNull(accounts);
        ArgumentNullException.ThrowIfNull(receiver);
        bool isFirst = _round++ == 0;
        foreach (FlowAccount account in accounts)
        {
            if (_flows.TryGetValue(account.Flow, out Entry? known))
            {
                FlowTraffic incoming = account.Incoming.Since(known.Incoming);
                FlowTraffic outgoing = account.Outgoing.Since(known.Outgoing);
                (known.Incoming, known.Outgoing, known.Round) = (account.Incoming, account.Outgoing, _round);
                if (known.Opener is { } opener && (incoming.Packets | outgoing.Packets) != 0)
                {
                    receiver(opener, opener.Direction == Direction.Incoming ? new FlowCarried(incoming, outgoing) : new FlowCarried(outgoing, incoming));
                }
            }
            else if (isFirst && _flows.Count < capacity)
            {
                // Of an earlier agent: if the same ends begin anew, what they carried before is not theirs.
                _flows.Add(account.Flow, new Entry { Incoming = account.Incoming, Outgoing = account.Outgoing, Round = _round });
            }
        }

        Forget();
    }

    // What the kernel counts no longer. An event may come before its account can be read, so it has until the reading after the next.
    private void Forget()
    {
        _gone.AddRange(_flows.Where(one => one.Value.Round < _round - 1).Select(one => one.Key));
        foreach (AccountedFlow flow in _gone)
        {
            _flows.Remove(flow);
        }

        _gone.Clear();
    }

    private sealed class Entry
    {
        public FlowEvent? Opener;
        public FlowTraffic Incoming;
        public FlowTraffic Outgoing;
        public long Round;
    }
}
