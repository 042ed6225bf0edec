using System.Collections.Immutable;

namespace Datapath.Flows;

/// <summary>When something is, by both clocks.</summary>
/// <param name="Wall">The wall clock, which records carry and which may jump.</param>
/// <param name="Uptime">A clock that does not, which intervals are measured by.</param>
public readonly record struct FlowMoment(DateTimeOffset Wall, TimeSpan Uptime);

/// <summary>
/// Turns events into records: the first of a flow at once, what follows it once in an interval with its count. Not thread-safe: one owner.
/// </summary>
/// <remarks>
/// Bounded: when there is no room, the flow that is longest in the table goes, and its repeats are reported before their time. Nothing is
/// lost by it; the next of its events counts as new. Names are looked up when a record is made: a table that kept them would keep every policy of
/// an interval alive. All intervals are equal, so the order of arrival is the order in which they end.
/// </remarks>
public sealed class FlowAggregator
{
    private readonly TimeSpan _interval;
    private readonly int _capacity;
    private readonly Dictionary<FlowKey, int> _places = [];
    private readonly FlowTable _table = new();

    /// <summary>An empty table.</summary>
    /// <param name="interval">How often the repeats of a flow are reported; positive.</param>
    /// <param name="capacity">Most flows that are remembered at a time; 1 or more.</param>
    public FlowAggregator(TimeSpan interval, int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(interval, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        (_interval, _capacity) = (interval, capacity);
    }

    /// <summary>Flows that are remembered now.</summary>
    public int FlowCount => _places.Count;

    /// <summary>Flows that went before their time because there was no room.</summary>
    public long Displaced { get; private set; }

    /// <summary>Takes an event.</summary>
    /// <param name="flow">The event; kept.</param>
    /// <param name="names">What its numbers stand for.</param>
    /// <param name="now">Now.</param>
    /// <param name="receiver">Is given the record of a flow that is new.</param>
    public void Add(FlowEvent flow, FlowNames names, FlowMoment now, FlowRecordReceiver receiver)
    {
        ArgumentNullException.ThrowIfNull(flow);
        ArgumentNullException.ThrowIfNull(receiver);
        FlowKey key = FlowKey.Of(flow);
        if (_places.TryGetValue(key, out int place))
        {
            ref FlowTable.Entry known = ref _table[place];
            known.FirstRepeat = known.Repeats++ == 0 ? flow.Time : known.FirstRepeat;
            known.Last = flow;
            known.Rate = known.Rate.After(now.Uptime);
            return;
        }

        Append(key, flow, FlowRate.None.After(now.Uptime), names, now, receiver);
        receiver(FlowRecord.Of(now.Wall, flow, flow.Time, count: 1, names));
    }

    /// <summary>Takes what a flow has carried since that was last said; reported when the interval of its flow is over.</summary>
    /// <param name="flow">The event that told of the flow.</param>
    /// <param name="carried">What was added.</param>
    /// <param name="names">What numbers stand for.</param>
    /// <param name="now">Now.</param>
    /// <param name="receiver">Is given the record of another flow that has to make room.</param>
    public void AddCarried(FlowEvent flow, FlowCarried carried, FlowNames names, FlowMoment now, FlowRecordReceiver receiver)
    {
        ArgumentNullException.ThrowIfNull(flow);
        ArgumentNullException.ThrowIfNull(receiver);
        FlowKey key = FlowKey.Of(flow);
        if (!_places.TryGetValue(key, out int place))
        {
            place = Append(key, flow, FlowRate.None, names, now, receiver);
        }

        ref FlowTable.Entry entry = ref _table[place];
        entry.Carried += carried;
        entry.CarriedAt = now.Wall;
    }

    /// <summary>Reports the repeats of flows whose interval is over, and forgets flows that had none.</summary>
    /// <param name="names">What the numbers of events stand for.</param>
    /// <param name="now">Now.</param>
    /// <param name="receiver">Is given their records.</param>
    public void Advance(FlowNames names, FlowMoment now, FlowRecordReceiver receiver)
    {
        ArgumentNullException.ThrowIfNull(receiver);
        while (_table.First is var first && first != FlowTable.None && _table[first].Due <= now.Uptime)
        {
            ref FlowTable.Entry entry = ref _table[first];
            if (IsReported(entry))
            {
                Forget(first);
                continue;
            }

            Report(ref entry, names, now.Wall, receiver);
            _table.MoveToEnd(first, now.Uptime + _interval);
        }
    }

    /// <summary>Reports what has not been reported yet, and forgets everything.</summary>
    /// <param name="names">What the numbers of events stand for.</param>
    /// <param name="now">Now.</param>
    /// <param name="receiver">Is given the records.</param>
    public void Flush(FlowNames names, FlowMoment now, FlowRecordReceiver receiver)
    {
        ArgumentNullException.ThrowIfNull(receiver);
        while (_table.First != FlowTable.None)
        {
            Take(_table.First, names, now, receiver);
        }
    }

    /// <summary>The flows that happen most often now, the busiest first.</summary>
    /// <param name="count">How many; fewer when there are not so many.</param>
    /// <param name="names">What the numbers of events stand for.</param>
    /// <param name="now">Now.</param>
    public ImmutableArray<BusyFlow> Busiest(int count, FlowNames names, FlowMoment now)
    {
        PriorityQueue<int, double> busiest = new();
        for (int place = _table.First; place != FlowTable.None; place = _table[place].Next)
        {
            double rate = _table[place].Rate.PerSecond(now.Uptime);
            if (busiest.Count < count)
            {
                busiest.Enqueue(place, rate);
            }
            else
            {
                busiest.EnqueueDequeue(place, rate);
            }
        }

        var ordered = ImmutableArray.CreateBuilder<BusyFlow>(busiest.Count);
        while (busiest.TryDequeue(out int place, out double rate))
        {
            FlowTable.Entry entry = _table[place];
            ordered.Add(new BusyFlow(FlowRecord.Of(now.Wall, entry.Last, entry.Since, entry.Total + entry.Repeats, names), rate));
        }

        ordered.Reverse();
        return ordered.MoveToImmutable();
    }

    private void Take(int place, FlowNames names, FlowMoment now, FlowRecordReceiver receiver)
    {
        ref FlowTable.Entry entry = ref _table[place];
        if (!IsReported(entry))
        {
            Report(ref entry, names, now.Wall, receiver);
        }

        Forget(place);
    }

    private int Append(in FlowKey key, FlowEvent flow, FlowRate rate, FlowNames names, FlowMoment now, FlowRecordReceiver receiver)
    {
        if (_places.Count == _capacity)
        {
            Displaced++;
            Take(_table.First, names, now, receiver);
        }

        int place = _table.Append(key, flow, now.Uptime + _interval, rate);
        _places.Add(key, place);
        return place;
    }

    private static bool IsReported(in FlowTable.Entry entry) => entry.Repeats == 0 && entry.Carried == default;

    private static void Report(ref FlowTable.Entry entry, FlowNames names, DateTimeOffset now, FlowRecordReceiver receiver)
    {
        DateTimeOffset first = entry.Repeats > 0 ? entry.FirstRepeat : entry.Last.Time;
        receiver(FlowRecord.Of(now, entry.Last, first, entry.Repeats, names) with { Carried = entry.Carried, CarriedAt = entry.CarriedAt });
        entry.Total += entry.Repeats;
        entry.Repeats = 0;
        entry.Carried = default;
    }

    private void Forget(int place)
    {
        _places.Remove(_table[place].Key);
        _table.Remove(place);
    }
}

/// <summary>A flow and how often it happens.</summary>
/// <param name="Flow">The flow, counted since it is remembered.</param>
/// <param name="PerSecond">Events a second, of late.</param>
public readonly record struct BusyFlow(FlowRecord Flow, double PerSecond);
