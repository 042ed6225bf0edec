using Datapath.Agent;
using Datapath.Agent.Hosting;
using Xunit;

namespace Datapath.Tests.Agent;

public sealed class LineLoggerTests
{
    [Fact]
    public void A_message_is_one_line_of_time_level_event_and_text()
    {
        StringWriter output = new();
        using LineLogger log = new(output, new StillClock());
        log.PolicyError("a\nb\tc\u001b[31m");
        log.Unchanged(3);
        Assert.Equal("2026-01-02T03:04:05.678Z error 1106 a | b c [31m\n", output.ToString());
    }

    private sealed class StillClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);
    }
}
