using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Datapath.Agent;
using Datapath.Agent.Hosting;
using Xunit;

namespace Datapath.Tests.Agent;

public sealed class LineLoggerTests
{
    [Fact]
    public void A_line_has_time_level_event_text_and_the_values_under_their_names()
    {
        StringWriter output = new();
        using LineLogger log = new(output, new StillClock());
        log.Applied(7, 2, 31, 1, 12);
        log.Unchanged(3);
        Assert.Equal(
            "time=2026-01-02T03:04:05.678Z level=info event=1102 "
                + "msg=\"policy applied: generation 7, files 2, rules 31, units 1, took 12 ms\" generation=7 files=2 rules=31 units=1 milliseconds=12\n",
            output.ToString()
        );
    }

    [Theory]
    [InlineData("a\nb\tc\u001b[31m", """msg="a\nb\tc\u001B[31m" diagnostic="a\nb\tc\u001B[31m" """)]
    [InlineData("one level=info", """msg="one level=info" diagnostic="one level=info" """)]
    [InlineData("say \"no\" \\ é", """msg="say \"no\" \\ é" diagnostic="say \"no\" \\ é" """)]
    [InlineData("", """msg="" diagnostic="" """)]
    [InlineData("plain", "msg=plain diagnostic=plain ")]
    public void No_text_begins_a_line_or_makes_up_a_key(string text, string expected)
    {
        StringWriter output = new();
        using LineLogger log = new(output, new StillClock());
        log.PolicyError(text);
        Assert.Equal($"time=2026-01-02T03:04:05.678Z level=error event=1106 {expected.TrimEnd()}\n", output.ToString());
    }

    [Fact]
    public void Json_says_the_same_and_numbers_are_numbers()
    {
        StringWriter output = new();
        using LineLogger log = new(output, new StillClock(), LogFormat.Json);
        log.NotTaken(7, "a \"b\"\nc");
        using var line = JsonDocument.Parse(output.ToString());
        Assert.Equal(
            """{"time":"2026-01-02T03:04:05.678Z","level":"error","event":1108,"msg":"policy not taken by the kernel; generation 7 stays in force: a \"b\"\nc","generation":7,"reason":"a \"b\"\nc"}""",
            output.ToString().TrimEnd()
        );
        Assert.Equal("a \"b\"\nc", line.RootElement.GetProperty("reason").GetString());
    }

    [Fact]
    public void In_the_journal_each_line_begins_with_its_priority()
    {
        StringWriter output = new();
        using LineLogger log = new(output, new StillClock(), LogFormat.KeyValue, isJournal: true);
        log.PolicyError("x");
        log.PolicyWarning("x");
        log.Confirmed(1);
        Assert.Equal(["<3>time", "<4>time", "<6>time"], output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('=')[0]));
    }

    [Fact]
    public void The_journal_gets_a_field_for_each_value_and_what_it_does_not_take_is_written()
    {
        string path = Path.Combine(Path.GetTempPath(), $"dpj-{Guid.NewGuid():N}");
        using Socket journal = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        journal.Bind(new UnixDomainSocketEndPoint(path));
        StringWriter output = new();
        using JournalSocket way = new(path);
        using LineLogger log = new(output, new StillClock(), LogFormat.KeyValue, isJournal: true) { Journal = way };
        log.OlderFlows(1, 2, 3);
        log.NotTaken(7, "é\nb");
        string[] entries = [Receive(), Receive()];
        Assert.EndsWith("\nPRIORITY=6\nSYSLOG_IDENTIFIER=datapath\nEVENT_ID=1128\nDATAPATH_TRACKED=1\nDATAPATH_FROM_SOCKETS=2\nDATAPATH_TAKEN_OVER=3\n", entries[0], StringComparison.Ordinal);
        Assert.StartsWith("MESSAGE=time=2026-01-02T03:04:05.678Z level=info event=1128 msg=", entries[0], StringComparison.Ordinal);
        Assert.EndsWith("\nPRIORITY=3\nSYSLOG_IDENTIFIER=datapath\nEVENT_ID=1108\nDATAPATH_GENERATION=7\nDATAPATH_REASON\n\u0004\0\0\0\0\0\0\0é\nb\n", entries[1], StringComparison.Ordinal);
        Assert.Equal("", output.ToString());

        journal.Dispose();
        File.Delete(path);
        log.Confirmed(1);
        Assert.StartsWith("<6>time=", output.ToString(), StringComparison.Ordinal);

        string Receive()
        {
            byte[] buffer = new byte[4096];
            return Encoding.UTF8.GetString(buffer, 0, journal.Receive(buffer));
        }
    }

    private sealed class StillClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);
    }
}
