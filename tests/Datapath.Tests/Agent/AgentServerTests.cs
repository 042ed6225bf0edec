using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Datapath.Agent.Commands;
using Datapath.Backends;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Tests.Agent.Support;
using Xunit;

namespace Datapath.Tests.Agent;

public sealed class AgentServerTests : IDisposable
{
    private readonly AgentFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public async Task Only_owner_and_group_reach_the_socket_and_it_is_gone_after_the_stop()
    {
        await using RunningAgent agent = await _fixture.StartAsync();
        Assert.Equal((UnixFileMode)0b110_110_000, File.GetUnixFileMode(_fixture.SocketPath));
        Assert.Equal((UnixFileMode)0b111_101_000, File.GetUnixFileMode(Path.GetDirectoryName(_fixture.SocketPath)!));
        long start = TimeProvider.System.GetTimestamp();
        Assert.Equal(ExitCode.Done, await agent.StopAsync());
        Assert.InRange(TimeProvider.System.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(2));
        Assert.False(File.Exists(_fixture.SocketPath));
        Assert.Empty(Directory.EnumerateFiles(_fixture.LockDirectory));
        Assert.Contains("packets go on being judged by generation 1", agent.Log, StringComparison.Ordinal);
        Assert.True(_fixture.Backend.IsDisposed);
        Assert.False(_fixture.Backend.WasEnteredTwice);
    }

    [Fact]
    public async Task A_second_agent_of_the_instance_ends_without_touching_the_kernel()
    {
        await using RunningAgent agent = await _fixture.StartAsync();
        CommandResult second = await _fixture.CommandAsync([.. _fixture.RunArgumentsWithoutSocket, "--socket", _fixture.SocketPath + "2"]);
        Assert.Equal(ExitCode.CouldNot, second.Exit);
        Assert.Contains("already running", second.Error, StringComparison.Ordinal);
        Assert.Single(_fixture.Backend.Applied);
        Assert.NotNull(await _fixture.StatusAsync());
    }

    [Fact]
    public async Task The_socket_of_a_dead_agent_is_replaced()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_fixture.SocketPath)!);
        Leave(_fixture.SocketPath);
        Assert.Equal(ExitCode.Stopped, (await _fixture.CommandAsync("status", "--socket", _fixture.SocketPath)).Exit);
        await using RunningAgent agent = await _fixture.StartAsync();
        Assert.NotNull(await _fixture.StatusAsync());
    }

    [Fact]
    public async Task A_file_that_is_not_a_socket_is_never_replaced()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_fixture.SocketPath)!);
        await File.WriteAllTextAsync(_fixture.SocketPath, "precious", TestContext.Current.CancellationToken);
        CommandResult result = await _fixture.CommandAsync(_fixture.RunArguments);
        Assert.Equal(ExitCode.CouldNot, result.Exit);
        Assert.Contains("not a socket", result.Error, StringComparison.Ordinal);
        Assert.Equal("precious", await File.ReadAllTextAsync(_fixture.SocketPath, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Status_tells_a_running_agent_from_a_silent_socket()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using (await _fixture.StartAsync())
        {
            CommandResult running = await _fixture.CommandAsync("status", "--socket", _fixture.SocketPath);
            Assert.Equal(ExitCode.Done, running.Exit);
            Assert.Contains("\nstate       enforcing\n", running.Output, StringComparison.Ordinal);
            Assert.Contains("number  unit", running.Output, StringComparison.Ordinal);
            Assert.Contains("eth0 (tcx)", running.Output, StringComparison.Ordinal);
            Assert.Equal(running.Output, (await _fixture.CommandAsync("status", "--socket", _fixture.SocketPath)).Output);
            string json = (await _fixture.CommandAsync("status", "--json", "--socket", _fixture.SocketPath)).Output;
            using JsonDocument status = JsonDocument.Parse(json);
            Assert.Equal("ebpf", status.RootElement.GetProperty("backend").GetString());
        }

        Assert.Equal(ExitCode.Stopped, (await _fixture.CommandAsync("status", "--socket", _fixture.SocketPath)).Exit);
        using Socket hangsUp = Listen(_fixture.SocketPath);
        Task answer = Task.Run(async () => (await hangsUp.AcceptAsync()).Dispose(), TestContext.Current.CancellationToken);
        Assert.Equal(ExitCode.Unknown, (await _fixture.CommandAsync("status", "--socket", _fixture.SocketPath)).Exit);
        await answer;
    }

    [Fact]
    public async Task Status_shows_how_full_the_tables_of_flows_are()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        _fixture.Backend.Flows = new FlowUsage([new FlowTableUsage("tcp4", 7, 4096), new FlowTableUsage("new-tcp4", 1, 1024)], 2, 3);
        await using (await _fixture.StartAsync())
        {
            // The tables are looked at once a second.
            while ((await _fixture.StatusAsync())!.Flows.Tables.IsEmpty)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken);
            }

            string text = (await _fixture.CommandAsync("status", "--socket", _fixture.SocketPath)).Output;
            Assert.Contains("\nflows       tcp4 7 of 4096, new-tcp4 1 of 1024\n", text, StringComparison.Ordinal);
            Assert.Contains("2 not recorded, 3 times no room for a proved one\n", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Events_stream_as_lines_with_the_rule_that_decided()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using RunningAgent agent = await _fixture.StartAsync();
        int index = _fixture.Backend.Applied[^1].Rules.First(rule => rule.Rule.Kind == RuleKind.Ruleset).Index;
        using HttpClient client = Client(_fixture.SocketPath);
        await using Stream stream = await client.GetStreamAsync("/v1/events", TestContext.Current.CancellationToken);
        using StreamReader lines = new(stream);

        _fixture.Backend.Happens(Flow(6, "198.51.100.9", 40000, "192.0.2.1", 80, index));
        _fixture.Backend.Happens(Flow(58, "2001:db8::1", 77, "2001:db8::2", 128 << 8, 0) with { Verdict = Verdict.Reject, Reason = DropReason.ShortHeader });

        JsonElement first = await NextAsync(lines);
        Assert.Equal("web-80", first.GetProperty("rule").GetProperty("ruleset").GetString());
        Assert.Equal("ruleset", first.GetProperty("rule").GetProperty("kind").GetString());
        Assert.Equal(1, first.GetProperty("rule").GetProperty("position").GetInt32());
        Assert.Equal("incoming", first.GetProperty("direction").GetString());
        Assert.Equal("allow", first.GetProperty("verdict").GetString());
        Assert.Equal(40000, first.GetProperty("sourcePort").GetInt32());
        Assert.Equal(80, first.GetProperty("destinationPort").GetInt32());
        Assert.Equal(JsonValueKind.Null, first.GetProperty("icmpType").ValueKind);
        Assert.Equal("2026-01-02T03:04:05.678901Z", first.GetProperty("time").GetString());
        Assert.Equal(_fixture.Backend.Applied[^1].Units[0].Name, first.GetProperty("unit").GetString());

        JsonElement second = await NextAsync(lines);
        Assert.Equal("short-header", second.GetProperty("reason").GetString());
        Assert.Equal(JsonValueKind.Null, second.GetProperty("rule").ValueKind);
        Assert.Equal(128, second.GetProperty("icmpType").GetInt32());
        Assert.Equal(0, second.GetProperty("icmpCode").GetInt32());
        Assert.Equal(0, second.GetProperty("destinationPort").GetInt32());
    }

    [Fact]
    public async Task A_listener_does_not_hold_up_the_stop()
    {
        await using RunningAgent agent = await _fixture.StartAsync();
        using HttpClient client = Client(_fixture.SocketPath);
        await using Stream stream = await client.GetStreamAsync("/v1/events", TestContext.Current.CancellationToken);
        await agent.UntilAsync(status => status.Events.Listeners == 1);
        long start = TimeProvider.System.GetTimestamp();
        await agent.StopAsync();
        Assert.InRange(TimeProvider.System.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(2));
    }

    [Fact]
    public async Task Unknown_paths_and_methods_are_refused()
    {
        await using RunningAgent agent = await _fixture.StartAsync();
        using HttpClient client = Client(_fixture.SocketPath);
        using HttpResponseMessage missing = await client.GetAsync("/v1/secret", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        using HttpResponseMessage posted = await client.PostAsync("/v1/status", content: null, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, posted.StatusCode);
    }

    private static FlowEvent Flow(byte protocol, string source, ushort sourcePort, string destination, int key, int rule) =>
        new()
        {
            Time = new DateTimeOffset(2026, 1, 2, 3, 4, 5, 678, 901, TimeSpan.Zero),
            Unit = LocalUnit.HostNumber,
            Direction = Direction.Incoming,
            Verdict = Verdict.Allow,
            Reason = DropReason.None,
            Flags = DescriptorFlags.Log,
            RuleIndex = rule,
            ObservedRuleIndex = 0,
            ObservedVerdict = Verdict.Reject,
            Protocol = protocol,
            Source = IPAddress.Parse(source),
            SourcePort = sourcePort,
            Destination = IPAddress.Parse(destination),
            DestinationKey = (ushort)key,
            Hook = "tc-ingress",
            Generation = 1,
        };

    private static async Task<JsonElement> NextAsync(StreamReader lines)
    {
        string? line = await lines.ReadLineAsync(TestContext.Current.CancellationToken);
        Assert.NotNull(line);
        using JsonDocument json = JsonDocument.Parse(line);
        return json.RootElement.Clone();
    }

    private static HttpClient Client(string socketPath)
    {
        SocketsHttpHandler handler = new()
        {
            ConnectCallback = async (_, token) =>
            {
                Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), token);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        return new HttpClient(handler) { BaseAddress = new Uri("http://agent") };
    }

    private static Socket Listen(string path)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        socket.Listen();
        return socket;
    }

    // .NET removes the file of a socket that it closes; a renamed one stays, as after kill -9.
    private static void Leave(string path)
    {
        string elsewhere = path + ".x";
        using Socket socket = Listen(elsewhere);
        File.Move(elsewhere, path);
    }
}
