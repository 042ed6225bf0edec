using System.Collections.Immutable;
using Datapath.Agent.Loops;
using Datapath.Backends;
using Xunit;

namespace Datapath.Tests.Agent;

/// <summary>What the gauge of late interfaces says.</summary>
public sealed class AttachDelayTests
{
    private readonly SteppedClock _clock = new();
    private readonly AttachDelay _delay;

    public AttachDelayTests() => _delay = new AttachDelay(_clock);

    [Fact]
    public void It_is_the_time_from_the_first_word_of_an_interface_to_its_attachment()
    {
        Assert.Null(_delay.Note(At(1, 2)));
        _delay.Hear();
        _clock.Pass(TimeSpan.FromSeconds(2));
        _delay.Hear();
        _delay.Look();
        _clock.Pass(TimeSpan.FromSeconds(1));
        Assert.Equal(TimeSpan.FromSeconds(3), _delay.Note(At(1, 2, 3)));
        // Said once.
        Assert.Null(_delay.Note(At(1, 2, 3)));
    }

    [Fact]
    public void A_change_that_brings_no_interface_and_one_that_goes_are_no_delay()
    {
        _delay.Note(At(1, 2));
        _delay.Hear();
        _delay.Look();
        Assert.Null(_delay.Note(At(1)));
        _delay.Hear();
        _delay.Look();
        Assert.Null(_delay.Note(At(1)));
    }

    [Fact]
    public void What_the_kernel_refuses_at_first_is_waited_for_since_it_was_heard_of()
    {
        _delay.Note(At(1));
        _delay.Hear();
        _delay.Look();
        // Not in force at all; ten seconds later it is.
        _clock.Pass(TimeSpan.FromSeconds(10));
        _delay.Look();
        Assert.Equal(TimeSpan.FromSeconds(10), _delay.Note(At(1, 2)));
    }

    /// <summary>A clock that stands until it is set forward.</summary>
    private sealed class SteppedClock : TimeProvider
    {
        // 0 is no time at which anything is heard.
        private long _now = TimeSpan.TicksPerHour;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Pass(TimeSpan time) => _now += time.Ticks;
    }

    private static ImmutableArray<UnitAttachment> At(params int[] interfaces) => [.. interfaces.Select(index => new UnitAttachment(1, $"eth{index}", index, "tcx"))];
}
