using System.Net;
using Datapath.Agent.Loops;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Xunit;

namespace Datapath.Tests.Agent;

public sealed class EventFeedTests
{
    [Fact]
    public void A_slow_listener_loses_the_newest_events_counted_and_another_loses_none()
    {
        EventFeed feed = new();
        using EventSubscription slow = feed.Subscribe();
        using EventSubscription quick = feed.Subscribe();
        int taken = 0;
        for (int i = 0; i < EventSubscription.Capacity + 10; i++)
        {
            feed.Publish(Flow());
            taken += quick.Events.TryRead(out _) ? 1 : 0;
        }

        Assert.Equal(EventSubscription.Capacity + 10, taken);
        Assert.Equal(EventSubscription.Capacity, slow.Events.Count);
        Assert.Equal(10, feed.Lost);
        Assert.Equal(EventSubscription.Capacity + 10, feed.Received);
    }

    [Fact]
    public void Who_has_ended_costs_nothing()
    {
        EventFeed feed = new();
        feed.Subscribe().Dispose();
        Assert.Equal(0, feed.ListenerCount);
        feed.Publish(Flow());
        Assert.Equal(1, feed.Received);
        Assert.Equal(0, feed.Lost);
    }

    private static FlowEvent Flow() =>
        new()
        {
            Time = DateTimeOffset.UnixEpoch,
            Unit = 1,
            Direction = Direction.Incoming,
            Verdict = Verdict.Allow,
            Reason = DropReason.None,
            Flags = DescriptorFlags.Log,
            RuleIndex = 1,
            ObservedRuleIndex = 0,
            ObservedVerdict = Verdict.Reject,
            Protocol = 6,
            Source = IPAddress.Loopback,
            SourcePort = 1,
            Destination = IPAddress.Loopback,
            DestinationKey = 2,
            Hook = "tc-ingress",
            Generation = 1,
        };
}
