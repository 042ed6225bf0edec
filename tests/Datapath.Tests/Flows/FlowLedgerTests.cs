using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Flows;

public sealed class FlowLedgerTests
{
    private readonly List<(FlowEvent Flow, FlowCarried Carried)> _carried = [];
    private FlowLedger _ledger = new(capacity: 100);

    [Fact]
    public void A_reading_says_what_was_added_since_the_one_before()
    {
        _ledger.Note(FlowEvents.Of());
        Take(Account(incoming: new(2, 200), outgoing: new(1, 50)));
        Take(Account(incoming: new(2, 200), outgoing: new(1, 50)));
        Take(Account(incoming: new(5, 900), outgoing: new(1, 50)));
        Assert.Equal([new FlowCarried(new(2, 200), new(1, 50)), new FlowCarried(new(3, 700), default)], _carried.Select(one => one.Carried));
    }

    [Theory]
    [InlineData(Direction.Incoming)]
    [InlineData(Direction.Outgoing)]
    public void The_source_is_who_sent_the_first_packet_whichever_way_the_unit_sees_it(Direction direction)
    {
        FlowEvent flow = FlowEvents.Of() with { Direction = direction };
        _ledger.Note(flow);
        Take(Account(incoming: new(1, 10), outgoing: new(2, 20)));
        FlowCarried expected = direction == Direction.Incoming ? new(new(1, 10), new(2, 20)) : new(new(2, 20), new(1, 10));
        Assert.Equal((flow, expected), Assert.Single(_carried));
    }

    [Fact]
    public void Counters_that_begin_anew_count_in_full()
    {
        _ledger.Note(FlowEvents.Of());
        Take(Account(incoming: new(9, 900)));
        Take(Account(incoming: new(1, 100)));
        Assert.Equal([900, 100], _carried.Select(one => one.Carried.Source.Bytes));
    }

    [Fact]
    public void What_an_earlier_agent_saw_is_not_said_again_and_what_nobody_saw_open_not_at_all()
    {
        Take(Account(incoming: new(9, 900)));
        Take(Account(incoming: new(10, 1000)));
        Assert.Empty(_carried);

        // The same ends begin anew.
        _ledger.Note(FlowEvents.Of());
        Take(Account(incoming: new(11, 1100)));
        Assert.Equal(100, Assert.Single(_carried).Carried.Source.Bytes);
    }

    [Fact]
    public void An_event_that_comes_after_the_first_reading_of_its_flow_still_gets_everything()
    {
        Take();
        Take(Account(incoming: new(3, 300)));
        _ledger.Note(FlowEvents.Of());
        Take(Account(incoming: new(4, 400)));
        Assert.Equal(400, Assert.Single(_carried).Carried.Source.Bytes);
    }

    [Fact]
    public void What_the_kernel_counts_no_longer_is_forgotten_and_an_event_waits_for_its_account()
    {
        Take();
        _ledger.Note(FlowEvents.Of());
        Take();
        Assert.Equal(1, _ledger.FlowCount);
        Take(Account(incoming: new(1, 100)));
        Assert.Equal(100, Assert.Single(_carried).Carried.Source.Bytes);
        Take();
        Take();
        Assert.Equal(0, _ledger.FlowCount);
    }

    [Fact]
    public void More_flows_than_there_is_room_for_are_counted()
    {
        _ledger = new FlowLedger(capacity: 1);
        _ledger.Note(FlowEvents.Of());
        _ledger.Note(FlowEvents.Of() with { SourcePort = 40001 });
        Assert.Equal((1, 1), (_ledger.FlowCount, _ledger.Refused));
        _ledger.Note(FlowEvents.Of() with { Verdict = Verdict.Reject, SourcePort = 40002 });
        Assert.Equal(1, _ledger.Refused);
    }

    /// <summary>An echo is one flow whoever asks; ports tell others apart.</summary>
    [Fact]
    public void Both_directions_are_one_flow()
    {
        FlowEvent there = FlowEvents.Of();
        FlowEvent back = there with { Source = there.Destination, SourcePort = there.DestinationKey, Destination = there.Source, DestinationKey = there.SourcePort };
        Assert.Equal(AccountedFlow.Of(there), AccountedFlow.Of(back));
        Assert.NotEqual(AccountedFlow.Of(there), AccountedFlow.Of(there with { SourcePort = 40001 }));
        FlowEvent echo = FlowEvents.Of(protocol: 1, port: 8 << 8);
        FlowEvent reply = echo with { Source = echo.Destination, Destination = echo.Source, DestinationKey = 0 };
        Assert.Equal(AccountedFlow.Of(echo), AccountedFlow.Of(reply));
    }

    private static FlowAccount Account(FlowTraffic incoming = default, FlowTraffic outgoing = default) => new(AccountedFlow.Of(FlowEvents.Of()), incoming, outgoing);

    private void Take(params FlowAccount[] accounts) => _ledger.Take(accounts, (flow, carried) => _carried.Add((flow, carried)));
}
