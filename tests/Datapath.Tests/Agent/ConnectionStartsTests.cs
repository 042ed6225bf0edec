using System.Net;
using Datapath.Agent.Loops;
using Datapath.Backends;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Agent;

/// <summary>When connections were opened is known of as many as there is room for, of the latest.</summary>
public sealed class ConnectionStartsTests
{
    private readonly ConnectionStarts _starts = new();

    [Fact]
    public void The_oldest_goes_when_there_is_no_room()
    {
        const int More = 1000;
        for (int i = 0; i < ConnectionStarts.Capacity + More; i++)
        {
            _starts.Note(Opened(i));
        }

        for (int i = 0; i < ConnectionStarts.Capacity + More; i++)
        {
            Assert.Equal(i < More ? null : Opened(i).Time, _starts.Find(Live(i)));
        }
    }

    [Fact]
    public void The_same_ends_may_begin_anew()
    {
        _starts.Note(Opened(1));
        _starts.Note(Opened(2));
        _starts.Note(Opened(1) with { Time = FlowEvents.Start.AddDays(1) });
        Assert.Equal(FlowEvents.Start.AddDays(1), _starts.Find(Live(1)));
        Assert.Equal(Opened(2).Time, _starts.Find(Live(2)));
    }

    [Fact]
    public void What_was_dropped_has_not_begun()
    {
        Assert.Null(_starts.Find(Live(1)));
        _starts.Note(Opened(1) with { Verdict = Verdict.Reject });
        Assert.Null(_starts.Find(Live(1)));
    }

    private static IPAddress Peer(int number) => new AddressKey(false, (UInt128)(0x0a000000 + number)).ToAddress();

    private static FlowEvent Opened(int number) => FlowEvents.Of() with { Source = Peer(number), Time = FlowEvents.Start.AddSeconds(number) };

    private static LiveConnection Live(int number) =>
        new(1, Direction.Incoming, 6, new IPEndPoint(Peer(number), 40000), new IPEndPoint(IPAddress.Parse("192.0.2.1"), 80), LiveConnectionState.Established, RuleIndex: 1);
}
