using System.Net;
using System.Text.Json;
using Datapath.Agent.Commands;
using Datapath.Backends;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Tests.Agent.Support;
using Xunit;

namespace Datapath.Tests.Agent;

public sealed class NetstatTests : IDisposable
{
    private readonly AgentFixture _fixture = new();

    public NetstatTests() => _fixture.Write("a.yaml", Policies.Allowing(80));

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public async Task A_connection_has_its_ends_its_rule_and_its_times()
    {
        await using RunningAgent agent = await _fixture.StartAsync();
        int rule = _fixture.Backend.Applied[^1].Rules.First(one => one.Rule.Kind == RuleKind.Ruleset).Index;
        _fixture.Backend.Happens(Opened(rule));
        await agent.UntilAsync(status => status.Events.Received == 1);
        _fixture.Backend.Connections =
        [
            Connection(rule) with { Idle = TimeSpan.FromSeconds(3) },
            Connection(null) with { Opener = new IPEndPoint(IPAddress.Parse("198.51.100.8"), 40001), State = LiveConnectionState.Closing },
            Connection(0) with { Direction = Direction.Outgoing, Opener = new IPEndPoint(IPAddress.Parse("192.0.2.1"), 50000), Answerer = new IPEndPoint(IPAddress.Parse("198.51.100.7"), 443) },
        ];
        CommandResult text = await NetstatAsync();
        Assert.Equal(ExitCode.Done, text.Exit);
        Assert.Matches(
            @"\Aunit +proto +src ip +src port +dest ip +dest port +type +state +policy id +duration +idle\n"
                + @"\S+ +tcp +198\.51\.100\.8 +40001 +192\.0\.2\.1 +80 +Existing +closing +- +- +-\n"
                + @"\S+ +tcp +198\.51\.100\.9 +40000 +192\.0\.2\.1 +80 +Ext to PU +established +/web-80 1 +[0-9.:]+ +00:00:03\n"
                + @"\S+ +tcp +192\.0\.2\.1 +50000 +198\.51\.100\.7 +443 +PU to Ext +established +- +- +-\n\z",
            text.Output
        );
        using JsonDocument json = JsonDocument.Parse((await NetstatAsync("host", "--json", "--limit", "1")).Output);
        Assert.Equal(3, json.RootElement.GetProperty("total").GetInt64());
        JsonElement one = Assert.Single(json.RootElement.GetProperty("connections").EnumerateArray());
        Assert.Equal("web-80", one.GetProperty("rule").GetProperty("ruleset").GetString());
        Assert.EndsWith("and 2 more; --limit shows them\n", (await NetstatAsync("--limit", "1")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_unit_that_is_not_here_is_a_no_and_no_agent_is_none()
    {
        await using (await _fixture.StartAsync())
        {
            LocalUnit unit = _fixture.Backend.Applied[^1].Units[0];
            CommandResult result = await NetstatAsync("nobody");
            Assert.Equal((ExitCode.No, "datapath: there is no processing unit 'nobody' on this host\n"), (result.Exit, result.Error));
            Assert.Equal(ExitCode.Done, (await NetstatAsync(FlowEndpoint.Path(unit.Namespace, unit.Name))).Exit);
        }

        Assert.Equal(ExitCode.CouldNot, (await NetstatAsync()).Exit);
    }

    [Fact]
    public async Task Status_says_why_this_backend_which_rulesets_are_not_in_force_and_what_was_lost()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80) + "\n                  disabled: true\n".Replace("                  ", "      ", StringComparison.Ordinal));
        _fixture.Backend.Flows = new FlowUsage([], 0, 0) { EventsLost = 7 };
        await using RunningAgent agent = await _fixture.StartAsync();
        await agent.UntilAsync(status => status.Events.LostInKernel == 7);
        string text = (await _fixture.CommandAsync("status", "--socket", _fixture.SocketPath)).Output;
        Assert.Contains("\nbackend     ebpf: asked for by --enable-ebpf\n", text, StringComparison.Ordinal);
        Assert.Contains("not in force are 1 of the rulesets\n", text, StringComparison.Ordinal);
        Assert.Matches("\ninactive    web-80 of / \\(.*a\\.yaml:5\\): it is disabled\n", text);
        Assert.Contains(" 7 lost in the kernel,", text, StringComparison.Ordinal);
    }

    private Task<CommandResult> NetstatAsync(params string[] more) => _fixture.CommandAsync(["netstat", .. more, "--socket", _fixture.SocketPath]);

    private static LiveConnection Connection(int? rule) =>
        new(
            LocalUnit.HostNumber,
            Direction.Incoming,
            6,
            new IPEndPoint(IPAddress.Parse("198.51.100.9"), 40000),
            new IPEndPoint(IPAddress.Parse("192.0.2.1"), 80),
            LiveConnectionState.Established,
            rule
        );

    private static FlowEvent Opened(int rule) =>
        new()
        {
            Time = DateTimeOffset.UnixEpoch,
            Unit = LocalUnit.HostNumber,
            Direction = Direction.Incoming,
            Verdict = Verdict.Allow,
            Reason = DropReason.None,
            Flags = DescriptorFlags.Log,
            RuleIndex = rule,
            ObservedRuleIndex = 0,
            ObservedVerdict = Verdict.Reject,
            Protocol = 6,
            Source = IPAddress.Parse("198.51.100.9"),
            SourcePort = 40000,
            Destination = IPAddress.Parse("192.0.2.1"),
            DestinationKey = 80,
            Hook = "tc-ingress",
            Generation = 1,
        };
}
