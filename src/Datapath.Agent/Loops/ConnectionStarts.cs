using Datapath.Backends;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets;

namespace Datapath.Agent.Loops;

/// <summary>When connections were opened, from the events of those that this agent saw: the kernel's tables only know who spoke last.</summary>
/// <remarks>
/// A ring in the order of events, found by chains of places with the same hash: each event that opens something passes here, and a dictionary with a queue beside it was a
/// quarter of what an event cost.
/// </remarks>
internal sealed class ConnectionStarts
{
    // Some five megabytes; when it is full the oldest goes, and is shown without its duration.
    internal const int Capacity = 65_536;

    private const int None = -1;

    private readonly Lock _turn = new();

    // Made with the first of them.
    private Entry[] _ring = [];
    private int[] _chains = [];
    private long _noted;

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
            if (_ring.Length == 0)
            {
                (_ring, _chains) = (new Entry[Capacity], new int[Capacity]);
                Array.Fill(_chains, None);
            }

            int chain = ChainOf(key);
            int place = Find(chain, key);
            if (place == None)
            {
                place = (int)(_noted++ % Capacity);
                if (_noted > Capacity)
                {
                    Unlink(place);
                }

                _ring[place] = new Entry { Key = key, Next = _chains[chain] };
                _chains[chain] = place;
            }

            // The same ends may have begun anew.
            _ring[place].Time = flow.Time;
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
            int place = _ring.Length == 0 ? None : Find(ChainOf(key), key);
            return place == None ? null : _ring[place].Time;
        }
    }

    private static int ChainOf(in Key key) => key.GetHashCode() & (Capacity - 1);

    private int Find(int chain, in Key key)
    {
        int place = _chains[chain];
        while (place != None && _ring[place].Key != key)
        {
            place = _ring[place].Next;
        }

        return place;
    }

    private void Unlink(int place)
    {
        ref int link = ref _chains[ChainOf(_ring[place].Key)];
        while (link != place)
        {
            link = ref _ring[link].Next;
        }

        link = _ring[place].Next;
    }

    private static bool HasPorts(byte protocol) => protocol is IanaProtocol.Tcp or IanaProtocol.Udp;

    private readonly record struct Key(int Unit, byte Protocol, AddressKey Source, ushort SourcePort, AddressKey Destination, ushort DestinationPort)
    {
        // Seeded for each process: who sends packets cannot choose ends that collide.
        public override int GetHashCode() => HashCode.Combine(Source.Value, Destination.Value, (SourcePort << 16) | DestinationPort, (Unit << 8) | Protocol);
    }

    private struct Entry
    {
        public Key Key;
        public DateTimeOffset Time;
        public int Next;
    }
}
