using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text.Json;
using Datapath.Agent.Commands;
using Datapath.Agent.Metrics;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Tests.Agent.Support;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Agent;

public sealed class FlowsCommandTests : IDisposable
{
    private readonly AgentFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public async Task What_happened_is_shown_with_names_and_what_is_not_asked_for_is_not()
    {
        await using RunningAgent agent = await StartAsync();
        Happen(FlowEvents.Of(port: 80, rule: RuleIndex()));
        Happen(FlowEvents.Of(port: 81) with { Verdict = Verdict.Reject, Reason = DropReason.Policy, RuleIndex = 0 });
        await agent.UntilAsync(status => status.Records.Made == 2);

        string table = (await FlowsAsync()).Output;
        string[] lines = table.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        Assert.StartsWith("time                     action  direction", lines[0], StringComparison.Ordinal);
        Assert.Matches(@"Accept  incoming   198\.51\.100\.9 .* 192\.0\.2\.1 .* tcp/80 .* /web-80 +1 +- +1$", lines[1]);
        Assert.Matches(@"Reject  incoming .* tcp/81 .* - +- +policy +1$", lines[2]);

        string[] rejected = (await FlowsAsync("--action", "reject", "--output", "json")).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(81, JsonDocument.Parse(Assert.Single(rejected)).RootElement.GetProperty("destinationPort").GetInt32());
        string[] csv = (await FlowsAsync("--ruleset", "web-80", "--output", "csv")).Output.Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, csv.Length);
        Assert.Equal(csv[0].Split(',').Length, csv[1].Split(',').Length);
        Assert.Single((await FlowsAsync("--unit", "nobody")).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task Since_and_until_count_back_from_now()
    {
        await using RunningAgent agent = await StartAsync();
        Happen(FlowEvents.Of(port: 1));
        await agent.UntilAsync(status => status.Records.Made == 1);
        _fixture.Clock.Pass(TimeSpan.FromHours(2));
        Happen(FlowEvents.Of(port: 2));
        await agent.UntilAsync(status => status.Records.Made == 2);

        Assert.Equal([2], await PortsAsync());
        Assert.Equal([1, 2], await PortsAsync("--since", "3h"));
        Assert.Equal([1], await PortsAsync("--since", "3h", "--until", "1h"));
        string time = _fixture.Clock.GetUtcNow().AddHours(-1).ToOffset(TimeSpan.FromHours(5)).ToString("yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture);
        Assert.Equal([1], await PortsAsync("--since", "3h", "--until", time));
        Assert.Equal([2], await PortsAsync("--since", time));
    }

    [Fact]
    public async Task History_and_what_follows_join_without_a_gap_and_without_a_double()
    {
        const int Flows = 3000;
        await using RunningAgent agent = await StartAsync();
        using CancellationTokenSource stop = new();
        Task happening = Task.Run(
            async () =>
            {
                for (int i = 1; i <= Flows; i++)
                {
                    Happen(FlowEvents.Of(port: (ushort)i));
                    if (i % 100 == 0)
                    {
                        await Task.Delay(5, stop.Token);
                    }
                }
            },
            stop.Token
        );
        await agent.UntilAsync(status => status.Records.Made > Flows / 4);
        LogText output = new();
        Task<int> following = CommandLine.RunAsync(
            ["flows", "--follow", "--since", "1h", "--output", "json", "--socket", _fixture.SocketPath],
            _fixture.Parts,
            output,
            TextWriter.Null,
            stop.Token
        );
        await happening;
        for (int i = 0; i < 1000 && Lines().Length < Flows; i++)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        await stop.CancelAsync();
        Assert.Equal(ExitCode.Done, await following.WaitAsync(RunningAgent.Patience, TestContext.Current.CancellationToken));
        Assert.Equal(Enumerable.Range(1, Flows), Lines().Select(Port));

        string[] Lines() => output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    [Fact]
    public async Task Who_follows_is_told_when_the_agent_ends()
    {
        RunningAgent agent = await StartAsync();
        Task<CommandResult> following = FlowsAsync("--follow");
        Happen(FlowEvents.Of());
        await agent.UntilAsync(status => status.Records.Made == 1);
        await agent.DisposeAsync();
        CommandResult result = await following.WaitAsync(RunningAgent.Patience, TestContext.Current.CancellationToken);
        Assert.Equal(ExitCode.CouldNot, result.Exit);
        Assert.Contains("datapath: ", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Repeats_that_were_counted_are_in_the_file_when_the_agent_has_ended()
    {
        await using (RunningAgent agent = await StartAsync())
        {
            for (int i = 0; i < 5; i++)
            {
                Happen(FlowEvents.Of());
            }

            await agent.UntilAsync(status => status.Events.Received == 5);
        }

        string[] lines = await File.ReadAllLinesAsync(Path.Combine(_fixture.StateDirectory, "flows", "flows.jsonl"), TestContext.Current.CancellationToken);
        Assert.Equal([1, 4], lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("value").GetInt32()));
    }

    [Theory]
    [InlineData("--port", "http")]
    [InlineData("--address", "web")]
    [InlineData("--since", "2026-11-21T14:00")]
    [InlineData("--until", "yesterday")]
    [InlineData("--output", "xml")]
    public async Task A_wrong_question_is_refused_before_it_is_asked(string option, string text)
    {
        CommandResult result = await FlowsAsync(option, text);
        Assert.Equal(ExitCode.CouldNot, result.Exit);
        Assert.Contains(text, result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("no agent", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_an_agent_or_without_files_there_is_no_history_and_that_is_said()
    {
        Assert.Contains("no agent listens", (await FlowsAsync()).Error, StringComparison.Ordinal);
        await using RunningAgent agent = await StartAsync("--flow-sinks", "none");
        CommandResult result = await FlowsAsync();
        Assert.Equal(ExitCode.CouldNot, result.Exit);
        Assert.Contains("keeps no flow records", result.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_fixture.StateDirectory, "flows")));
    }

    [Theory]
    [InlineData("--flow-sinks", "file,mail")]
    [InlineData("--flow-max-size", "100")]
    [InlineData("--flow-max-size", "1K")]
    [InlineData("--flow-max-age", "soon")]
    [InlineData("--syslog-endpoint", "log.example")]
    [InlineData("--syslog-facility", "24")]
    [InlineData("--syslog-format", "rfc")]
    [InlineData("--otlp-endpoint", "grpc://collector")]
    public async Task A_wrong_setting_of_a_sink_keeps_the_agent_from_starting(string option, string text)
    {
        CommandResult result = await _fixture.CommandAsync([.. _fixture.RunArguments, option, text]);
        Assert.Equal(ExitCode.CouldNot, result.Exit);
        Assert.Contains(option, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Top_shows_the_busiest_flows_first_and_rates_of_rules_between_two_looks()
    {
        await using RunningAgent agent = await StartAsync();
        for (int i = 0; i < 50; i++)
        {
            Happen(FlowEvents.Of(port: 80, rule: RuleIndex()));
        }

        Happen(FlowEvents.Of(port: 81));
        await agent.UntilAsync(status => status.Events.Received == 51 && status.Records.Flows == 2);
        _fixture.Backend.Counts = new Dictionary<int, (long, long)> { [RuleIndex()] = (100, 6400) };
        Task<CommandResult> top = _fixture.CommandAsync("top", "--count", "1", "--interval", "1s", "--socket", _fixture.SocketPath);
        await Task.Delay(300, TestContext.Current.CancellationToken);
        _fixture.Backend.Counts = new Dictionary<int, (long, long)> { [RuleIndex()] = (1_000_100, 64_006_400) };
        string[] lines = (await top).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains("flows 2, rules 1", lines[0], StringComparison.Ordinal);
        Assert.Matches(@"^ *\d+\.\d +50 +Accept +incoming +198\.51\.100\.9 +[^ ]+ +tcp/80 +/web-80 1 incoming$", lines[2]);
        Assert.Matches(@" 1 +Accept .* tcp/81 ", lines[3]);
        string[] rule = lines[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(("1000100", "/web-80"), (rule[2], rule[3]));

        // A million packets within at least a second; more than it on a busy machine.
        Assert.InRange(double.Parse(rule[0], CultureInfo.InvariantCulture), 1, 1_000_000);
        string json = (await _fixture.CommandAsync("top", "--json", "--socket", _fixture.SocketPath)).Output;
        Assert.Equal(2, JsonDocument.Parse(json).RootElement.GetProperty("flows").GetArrayLength());
    }

    [Fact]
    public async Task Counts_are_to_be_had_from_the_one_meter()
    {
        await using RunningAgent agent = await StartAsync("--flow-sinks", "file,syslog", "--syslog-endpoint", $"unix:{_fixture.Root}/nothing");
        Happen(FlowEvents.Of());
        await agent.UntilAsync(status => status.Records.Sinks.Length == 2 && status.Records.Sinks[0].Delivered == 1);
        Dictionary<string, long> values = new(StringComparer.Ordinal);
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, me) =>
        {
            if (instrument.Meter.Name == AgentMetrics.MeterName)
            {
                me.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>(
            (instrument, value, tags, _) =>
            {
                string name = $"{instrument.Name} {(tags.IsEmpty ? "" : tags[0].Value)}".TrimEnd();
                lock (values)
                {
                    values[name] = Math.Max(value, values.GetValueOrDefault(name));
                }
            }
        );
        listener.Start();
        listener.RecordObservableInstruments();
        Assert.True(values["datapath.flow.events"] >= 1);
        Assert.True(values["datapath.flow.records"] >= 1);
        Assert.True(values["datapath.sink.delivered file"] >= 1);
        Assert.Contains("datapath.sink.dropped syslog", values.Keys);
    }

    private Task<RunningAgent> StartAsync(params string[] more)
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        return _fixture.StartAsync(more);
    }

    private int RuleIndex() => _fixture.Backend.Applied[^1].Rules.First(rule => rule.Rule.Kind == RuleKind.Ruleset).Index;

    private void Happen(FlowEvent flow) => _fixture.Backend.Happens(flow);

    private Task<CommandResult> FlowsAsync(params string[] more) => _fixture.CommandAsync(["flows", "--socket", _fixture.SocketPath, .. more]);

    private async Task<IEnumerable<int>> PortsAsync(params string[] more) =>
        (await FlowsAsync(["--output", "json", .. more])).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Port);

    private static int Port(string line) => JsonDocument.Parse(line).RootElement.GetProperty("destinationPort").GetInt32();
}
