using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Flows;

public sealed class FlowAggregatorTests
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(5);

    private readonly List<FlowRecord> _records = [];
    private FlowAggregator _aggregator = new(Interval, capacity: 1000);

    [Fact]
    public void A_new_flow_is_reported_at_once_and_its_repeats_once_in_an_interval()
    {
        Add(FlowEvents.Of(), 0);
        Assert.Equal(1, Assert.Single(_records).Count);
        for (int second = 1; second <= 10; second++)
        {
            Add(FlowEvents.Of() with { Time = FlowEvents.Start.AddSeconds(second), SourcePort = (ushort)(40000 + second) }, second);
        }

        Advance(299.9);
        Assert.Single(_records);
        Advance(300);
        Assert.Equal(2, _records.Count);
        FlowRecord repeats = _records[1];
        Assert.Equal(10, repeats.Count);
        Assert.Equal((FlowEvents.Start.AddSeconds(1), FlowEvents.Start.AddSeconds(10)), (repeats.FirstSeen, repeats.Last.Time));
        Assert.Equal(FlowEvents.At(300).Wall, repeats.Time);
    }

    [Fact]
    public void A_flow_that_goes_on_is_reported_in_every_interval_and_one_that_has_ended_is_forgotten()
    {
        Add(FlowEvents.Of(), 0);
        Add(FlowEvents.Of(), 1);
        Advance(300);
        Add(FlowEvents.Of(), 301);
        Add(FlowEvents.Of(), 302);
        Advance(600);
        Assert.Equal([1, 1, 2], _records.Select(record => record.Count));
        Advance(900);
        Assert.Equal(0, _aggregator.FlowCount);
        Add(FlowEvents.Of(), 901);
        Assert.Equal([1, 1, 2, 1], _records.Select(record => record.Count));
    }

    /// <summary>The original merged udp/53 with tcp/53, and all rules of a pair of addresses.</summary>
    [Fact]
    public void Protocol_port_address_direction_and_unit_keep_flows_apart_and_the_source_port_does_not()
    {
        FlowEvent one = FlowEvents.Of(port: 53);
        FlowEvent[] others =
        [
            FlowEvents.Of(port: 53, protocol: 17),
            FlowEvents.Of(port: 54),
            FlowEvents.Of(source: "198.51.100.10", port: 53),
            FlowEvents.Of(destination: "192.0.2.2", port: 53),
            FlowEvents.Of(source: "::c633:6409", port: 53),
            one with { Unit = 2 },
            one with { Direction = Direction.Outgoing },
        ];
        Add(one, 0);
        Assert.All(others, other => Add(other, 0));
        Assert.Equal(1 + others.Length, _records.Count);
        Add(one with { SourcePort = 1, Hook = "tc-egress", Generation = 8 }, 0);
        Assert.Equal(1 + others.Length, _records.Count);
    }

    [Fact]
    public void A_change_of_verdict_rule_or_reason_is_reported_at_once()
    {
        FlowEvent one = FlowEvents.Of();
        FlowEvent[] changes =
        [
            one with { RuleIndex = 2 },
            one with { Verdict = Verdict.Reject, Reason = DropReason.Policy },
            one with { Verdict = Verdict.Reject, Reason = DropReason.Revoked },
            one with { ObservedRuleIndex = 9 },
            one with { ObservedRuleIndex = 9, ObservedVerdict = Verdict.Allow },
        ];
        Add(one, 0);
        Assert.All(changes, change => Add(change, 0));
        Assert.Equal(1 + changes.Length, _records.Count);
    }

    [Fact]
    public void Without_room_the_oldest_flow_is_reported_early_and_no_event_is_lost()
    {
        const int Events = 20_000;
        _aggregator = new FlowAggregator(Interval, capacity: 50);
        Random random = new(4711);
        for (int i = 0; i < Events; i++)
        {
            Add(FlowEvents.Of(port: (ushort)random.Next(1, 200)), i * 0.01);
            Assert.InRange(_aggregator.FlowCount, 1, 50);
            if (i % 1000 == 0)
            {
                Advance(i * 0.01);
            }
        }

        _aggregator.Flush(FlowNames.None, FlowEvents.At(Events), Take);
        Assert.Equal(Events, _records.Sum(record => record.Count));
        Assert.Equal(0, _aggregator.FlowCount);
        Assert.True(_aggregator.Displaced > 0);
        Assert.All(_records, record => Assert.True(record.Count > 0));
    }

    [Fact]
    public void A_wall_clock_that_jumps_neither_holds_back_nor_hastens_a_report()
    {
        Add(FlowEvents.Of(), 0);
        Add(FlowEvents.Of(), 1);
        FlowMoment dayAhead = FlowEvents.At(2) with { Wall = FlowEvents.Start.AddDays(1) };
        _aggregator.Advance(FlowNames.None, dayAhead, Take);
        Assert.Single(_records);
        FlowMoment dayBehind = FlowEvents.At(300) with { Wall = FlowEvents.Start.AddDays(-1) };
        _aggregator.Advance(FlowNames.None, dayBehind, Take);
        Assert.Equal(2, _records.Count);
    }

    [Fact]
    public void The_busiest_flows_are_those_of_the_last_seconds_not_of_all_times()
    {
        for (int i = 0; i < 500; i++)
        {
            Add(FlowEvents.Of(port: 1), 0);
        }

        for (int i = 0; i < 100; i++)
        {
            Add(FlowEvents.Of(port: 2), 100 + i * 0.1);
        }

        Add(FlowEvents.Of(port: 3), 110);
        var busiest = _aggregator.Busiest(2, FlowNames.None, FlowEvents.At(110));
        Assert.Equal([2, 3], busiest.Select(one => (int)one.Flow.Last.DestinationKey));
        Assert.Equal(100, busiest[0].Flow.Count);

        // Ten a second for a whole memory: 1 - 1/e of the rate is known by then.
        Assert.InRange(busiest[0].PerSecond, 6.0, 6.7);
    }

    [Fact]
    public void What_was_carried_is_reported_with_the_repeats_of_its_interval_and_once()
    {
        FlowCarried some = new(new(2, 200), new(1, 50));
        Add(FlowEvents.Of(), 0);
        Add(FlowEvents.Of() with { Time = FlowEvents.Start.AddSeconds(1) }, 1);
        Carry(some, 5);
        Carry(some, 10);
        Advance(300);
        Assert.Equal([default, some + some], _records.Select(record => record.Carried));
        Assert.Equal((1, FlowEvents.At(10).Wall), (_records[1].Count, _records[1].LastSeen));

        // A connection that goes on has no events; at last it is silent.
        Carry(some, 400);
        Advance(600);
        Assert.Equal((0, some), (_records[2].Count, _records[2].Carried));
        Advance(900);
        Assert.Equal((3, 0), (_records.Count, _aggregator.FlowCount));
        Carry(some, 1000);
        _aggregator.Flush(FlowNames.None, FlowEvents.At(1001), Take);
        Assert.Equal((0, some), (_records[3].Count, _records[3].Carried));
    }

    [Fact]
    public void A_flow_that_makes_room_says_what_it_has_carried()
    {
        _aggregator = new FlowAggregator(Interval, capacity: 1);
        Add(FlowEvents.Of(), 0);
        Carry(new(new(2, 200), default), 1);
        Add(FlowEvents.Of(port: 81), 2);
        Assert.Equal([0, 200, 0], _records.Select(record => record.Carried.Source.Bytes));
    }

    private void Carry(FlowCarried carried, double seconds) => _aggregator.AddCarried(FlowEvents.Of(), carried, FlowNames.None, FlowEvents.At(seconds), Take);

    private void Add(FlowEvent flow, double seconds) => _aggregator.Add(flow, FlowNames.None, FlowEvents.At(seconds), Take);

    private void Advance(double seconds) => _aggregator.Advance(FlowNames.None, FlowEvents.At(seconds), Take);

    private void Take(in FlowRecord record) => _records.Add(record);
}
