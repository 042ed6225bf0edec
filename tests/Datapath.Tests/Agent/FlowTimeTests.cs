using Datapath.Agent.Commands;
using Xunit;

namespace Datapath.Tests.Agent;

public sealed class FlowTimeTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 14, 0, 0, TimeSpan.FromHours(1));

    /// <summary>The original counted from Pacific time: in France five minutes were written -9h5m.</summary>
    [Theory]
    [InlineData("5m", 300)]
    [InlineData("-5m", 300)]
    [InlineData("1h30m", 5400)]
    [InlineData("90s", 90)]
    [InlineData("2d1h", 176_400)]
    public void A_duration_counts_back_from_now_in_any_time_zone(string text, int seconds)
    {
        FlowTime time = FlowTime.Parse(text).Value!.Value;
        Assert.Equal(Now.AddSeconds(-seconds), time.From(Now));
        Assert.Equal(Now.AddSeconds(-seconds), time.From(Now.ToOffset(TimeSpan.FromHours(-8))));
    }

    [Theory]
    [InlineData("2026-11-21T14:00Z", 14)]
    [InlineData("2026-11-21 14:00:00Z", 14)]
    [InlineData("2026-11-21T14:00:00.5+02:00", 12)]
    [InlineData("2026-11-21T14:00-0800", 22)]
    public void An_absolute_time_carries_its_zone(string text, int hourUtc) =>
        Assert.Equal(hourUtc, FlowTime.Parse(text).Value!.Value.From(Now).UtcDateTime.Hour);

    [Theory]
    [InlineData("2026-11-21T14:00", "time zone")]
    [InlineData("2026-11-21", "time zone")]
    [InlineData("yesterday", "not a time")]
    [InlineData("", "not a time")]
    [InlineData("-", "not a time")]
    [InlineData("5", "not a time")]
    [InlineData("5m3h", "not a time")]
    public void What_could_mean_two_times_is_refused_with_what_to_write(string text, string reason) =>
        Assert.Contains(reason, FlowTime.Parse(text).Problem, StringComparison.Ordinal);
}
