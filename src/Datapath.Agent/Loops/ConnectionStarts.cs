using Datapath.Backends;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets;

namespace Datapath.Agent.Loops;

/// <summary>When connections were opened, from the events of those that this agent saw: the kernel's tables only know who spoke last.</summary>
internal sealed class ConnectionStarts
{
    // Some ten megabytes when it is full; then the oldest goes, and is shown without its duration.
    private const int Capacity = 65_536;

    private readonly Dictionary<Key, DateTimeOffset> _times = [];
    private readonly Queue<Key> _order = new();
    private readonly Lock _turn = new();

    /// <summary>Notes an event; only the ones of what was let through count.</summary>
    /// <param name="flow">From the kernel.</param>
    public void Note(FlowEvent flow)
    {
        if (flow.Verdict != Verdict.Allow)
        {
            return;
        }

        Key key = new(flow.Unit, flow.Protocol, AddressKey.From(flow.Source), flow.SourcePort, AddressKey.From(flow.Destination), HasPorts(flow.Protocol) ? flow.DestinationKey : (ushort)0);
        lock (_turn)
        {
            if (_times.TryAdd(key, flow.Time))
            {
                _order.Enqueue(key);
            }
            else
            {
                // The same ends have begun anew.
                _times[key] = flow.Time;
            }

            if (_order.Count > Capacity)
            {
                _times.Remove(_order.Dequeue());
            }
        }
    }

    /// <summary>When a connection was opened; null when this agent did not see it.</summary>
    /// <param name="one">The connection.</param>
    public DateTimeOffset? Find(LiveConnection one)
    {
        ushort port = HasPorts(one.Protocol) ? (ushort)one.Answerer.Port : (ushort)0;
        Key key = new(one.Unit, one.Protocol, AddressKey.From(one.Opener.Address), (ushort)one.Opener.Port, AddressKey.From(one.Answerer.Address), port);
        lock (_turn)
        {
            return _times.TryGetValue(key, out DateTimeOffset time) ? time : null;
        }
    }

    private static bool HasPorts(byte protocol) => protocol is IanaProtocol.Tcp or IanaProtocol.Udp;

    private readonly record struct Key(int Unit, byte Protocol, AddressKey Source, ushort SourcePort, AddressKey Destination, ushort DestinationPort);
}
