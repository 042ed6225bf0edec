using System.Collections.Immutable;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;

namespace Datapath.Backends.Ebpf;

/// <summary>
/// Walks the tables of flows, a part at a time: counts what is there, and deletes what is over where the kernel does not forget by itself.
/// </summary>
/// <remarks>
/// Reading and deleting are two steps, but nothing that lives can be lost between them: an entry whose time is over is never written again by
/// any program, and nothing takes its place while it is there (<c>dp_flow_is_over</c> and <c>dp_proved_insert</c> in bpf/lib/conntrack.h).
/// The slack is for a program that found an entry at the last moment and writes it now.
/// </remarks>
internal sealed class FlowCollector
{
    /// <summary>A program runs for microseconds, with softirqs off.</summary>
    private const uint SlackSeconds = 2;

    // A whole table within some sixteen calls, and never so much that somebody waits for it.
    private const int CallsPerRound = 16;

    // A table with few entries is walked in one call, past all that is empty: that many calls later is soon enough for the next.
    private const int CallsBetweenWalks = 4;
    private const int LeastBatch = 512;
    private const int MostBatch = 16384;

    private readonly BpfObject _loaded;
    private readonly JiffiesClock _clock;
    private readonly FlowTimeouts _timeouts;
    private readonly uint _jiffiesPerSecond = (uint)KernelClock.JiffiesPerSecond();
    private readonly ImmutableArray<Table> _tables;

    /// <summary>Walks from the first entry of each table.</summary>
    /// <param name="loaded">The loaded object.</param>
    /// <param name="clock">The clock of its entries.</param>
    /// <param name="timeouts">Its timeouts.</param>
    /// <param name="marks">Where what is deleted is taken off.</param>
    public FlowCollector(BpfObject loaded, JiffiesClock clock, FlowTimeouts timeouts, FlowMarks marks)
    {
        _loaded = loaded;
        _clock = clock;
        _timeouts = timeouts;
        _tables =
        [
            new Table<DpFlowKey4>("tcp4", loaded.Map(DpMaps.LiveTcp4), key => key.Protocol, key => key.Zone, key => marks.Remove(FlowMarks.HashOf(key))),
            new Table<DpFlowKey6>("tcp6", loaded.Map(DpMaps.LiveTcp6), key => key.Protocol, key => key.Zone, key => marks.Remove(FlowMarks.HashOf(key))),
            new Table<DpFlowKey4>("other4", loaded.Map(DpMaps.LiveOther4), key => key.Protocol, key => key.Zone, key => marks.Remove(FlowMarks.HashOf(key))),
            new Table<DpFlowKey6>("other6", loaded.Map(DpMaps.LiveOther6), key => key.Protocol, key => key.Zone, key => marks.Remove(FlowMarks.HashOf(key))),
            new Table<DpFlowKey4>("new-tcp4", loaded.Map(DpMaps.NewTcp4), key => key.Protocol, key => key.Zone, onDeleted: null),
            new Table<DpFlowKey6>("new-tcp6", loaded.Map(DpMaps.NewTcp6), key => key.Protocol, key => key.Zone, onDeleted: null),
            new Table<DpFlowKey4>("new-other4", loaded.Map(DpMaps.NewOther4), key => key.Protocol, key => key.Zone, onDeleted: null),
            new Table<DpFlowKey6>("new-other6", loaded.Map(DpMaps.NewOther6), key => key.Protocol, key => key.Zone, onDeleted: null),
        ];
    }

    /// <summary>Looks at the next part of each table.</summary>
    public FlowUsage Collect()
    {
        // Asked before anything is read: what is stamped later is younger, and lives.
        ulong now = _tables.Any(table => table.IsDue) ? _clock.Now() : 0;
        foreach (Table table in _tables)
        {
            table.Advance((protocol, flow) => IsOver(protocol, flow, now));
        }

        return new FlowUsage(
            [.. _tables.Select(table => table.Usage)],
            CounterReader.ReadStatistic(_loaded, DpStatistic.FlowInsertFailed),
            CounterReader.ReadStatistic(_loaded, DpStatistic.FlowUnpromoted)
        )
        {
            EventsLost = CounterReader.ReadStatistic(_loaded, DpStatistic.EventsLost),
        };
    }

    /// <summary>Deletes the flows of a unit that is gone, whatever their age.</summary>
    /// <param name="zone">Number of the unit.</param>
    public void Forget(int zone)
    {
        foreach (Table table in _tables)
        {
            table.Forget(zone);
        }
    }

    // What was stamped after we asked is not over.
    private bool IsOver(byte protocol, DpFlow flow, ulong now) =>
        now > flow.SeenJiffies && now - flow.SeenJiffies > (ulong)(_timeouts.Seconds(protocol, flow.State) + SlackSeconds) * _jiffiesPerSecond;

    private abstract class Table
    {
        public abstract FlowTableUsage Usage { get; }

        public abstract bool IsDue { get; }

        public abstract void Advance(Func<byte, DpFlow, bool> isOver);

        public abstract void Forget(int zone);
    }

    private sealed class Table<TKey>(string name, BpfMap<TKey, DpFlow> map, Func<TKey, byte> protocolOf, Func<TKey, int> zoneOf, Action<TKey>? onDeleted) : Table
        where TKey : unmanaged
    {
        private readonly BpfMapWalk<TKey, DpFlow> _walk = new(map.Map, Math.Clamp((int)(map.Map.MaxEntries / CallsPerRound), LeastBatch, MostBatch));
        private long _entries;
        private long _entriesSoFar;
        private int _calls;

        public override FlowTableUsage Usage => new(name, _entries, map.Map.MaxEntries);

        public override bool IsDue => !_walk.IsAtStart || _calls is 0 or >= CallsBetweenWalks;

        public override void Forget(int zone)
        {
            foreach (TKey key in map.Map.Keys<TKey>().Where(key => zoneOf(key) == zone))
            {
                Delete(key);
            }
        }

        public override void Advance(Func<byte, DpFlow, bool> isOver)
        {
            if (!IsDue)
            {
                _calls++;
                return;
            }

            int calls = _walk.IsAtStart ? 1 : _calls + 1;
            IReadOnlyList<KeyValuePair<TKey, DpFlow>> part = _walk.Next();
            // Not before it was read: what is refused is due again.
            _calls = calls;
            foreach ((TKey key, DpFlow flow) in part)
            {
                if (onDeleted is not null && isOver(protocolOf(key), flow))
                {
                    Delete(key);
                }
                else
                {
                    _entriesSoFar++;
                }
            }

            if (_walk.IsAtStart)
            {
                (_entries, _entriesSoFar) = (_entriesSoFar, 0);
            }
        }

        private void Delete(TKey key)
        {
            if (map.Delete(key))
            {
                onDeleted?.Invoke(key);
            }
        }
    }
}
