using Datapath.Agent.Loops;
using Xunit;

namespace Datapath.Tests.Agent;

/// <summary>How often the kernel's events are looked at.</summary>
public sealed class EventPaceTests
{
    [Fact]
    public void After_a_second_of_silence_the_reader_sleeps_longer_and_the_first_event_wakes_it_to_its_pace()
    {
        EventPace pace = new();
        var slept = TimeSpan.Zero;
        for (; pace.After(isBusy: false) == EventPace.Busy; slept += EventPace.Busy)
        {
            Assert.True(slept < TimeSpan.FromSeconds(1));
        }

        Assert.InRange(slept, TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(1));
        Assert.Equal(EventPace.Quiet, pace.After(isBusy: false));
        Assert.Equal(EventPace.QuietWithCgroups, pace.After(isBusy: false, looksForCgroups: true));
        Assert.Equal(EventPace.Busy, pace.After(isBusy: true));
        Assert.Equal(EventPace.Busy, pace.After(isBusy: false));
    }

    [Fact]
    public void Who_probes_waits_longer_than_the_reader_sleeps_and_reads() =>
        Assert.True(EventPace.Quiet * 2 < Datapath.Agent.Hosting.PingRequest.EventsMayBeLate);
}
