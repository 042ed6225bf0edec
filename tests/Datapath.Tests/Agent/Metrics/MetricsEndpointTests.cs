using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Datapath.Agent.Metrics;
using Datapath.Backends;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Tests.Agent.Support;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Agent.Metrics;

public sealed class MetricsEndpointTests : IDisposable
{
    private readonly AgentFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Theory]
    [InlineData("127.0.0.1:9469", "127.0.0.1:9469")]
    [InlineData("[::]:80", "[::]:80")]
    [InlineData("none", null)]
    public void A_place_to_listen_is_an_address_with_a_port(string text, string? place) => Assert.Equal(place, MetricsListenAddress.Parse(text)!.Place?.ToString());

    [Theory]
    [InlineData("9469")]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    [InlineData("[::1]")]
    [InlineData("127.0.0.1:")]
    [InlineData("127.0.0.1:70000")]
    [InlineData("localhost:9469")]
    [InlineData("")]
    public void Anything_else_is_refused(string text) => Assert.Null(MetricsListenAddress.Parse(text));

    [Fact]
    public async Task The_socket_and_the_port_show_the_same_and_the_port_nothing_else()
    {
        _fixture.MetricsListen = $"127.0.0.1:{FreePort()}";
        await using RunningAgent agent = await StartAsync();
        Page overTcp = await ReadAsync(OverTcp());
        Page overSocket = await ReadAsync(OverSocket());
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", overTcp.ContentType);
        Assert.Contains("datapath_policy_generation 1\n", overTcp.Text, StringComparison.Ordinal);
        Assert.Equal(overTcp.Families, overSocket.Families);
        Assert.Contains("dotnet_gc_collections_total", overTcp.Families);

        // Whoever reaches the port may read metrics, and nothing of what the socket has.
        using HttpClient client = OverTcp();
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync("/v1/status", TestContext.Current.CancellationToken)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await client.PostAsync("/v1/orders/pause?for=10", content: null, TestContext.Current.CancellationToken)).StatusCode);
        Assert.Equal(LeaseKind.None, _fixture.Backend.Lease.Kind);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_listened_on_when_it_is_free()
    {
        using TcpListener other = new(IPAddress.Loopback, 0);
        other.Start();
        _fixture.MetricsListen = other.LocalEndpoint.ToString()!;
        await using RunningAgent agent = await StartAsync();
        Assert.Contains("datapath_policy_generation 1\n", (await ReadAsync(OverSocket())).Text, StringComparison.Ordinal);
        await agent.UntilLoggedAsync("metrics cannot be served on");
        other.Stop();
        await agent.UntilLoggedAsync("metrics are served on");
        Assert.Contains("datapath_policy_generation 1\n", (await ReadAsync(OverTcp())).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_kernel_counts_has_its_labels()
    {
        _fixture.Backend.Verdicts =
        [
            new VerdictCount("tc-ingress", Direction.Incoming, DropReason.None, new PacketCount(5, 500)),
            new VerdictCount("tc-egress", Direction.Outgoing, DropReason.ShortHeader, new PacketCount(2, 80)),
        ];
        _fixture.Backend.Statistics = new Dictionary<string, long> { ["events_suppressed"] = 3, ["not_ip_passed"] = 4, ["flow_inserted"] = 6 };
        _fixture.Backend.Flows = new FlowUsage([new FlowTableUsage("tcp4", 7, 1024)], NotRecorded: 8, NotPromoted: 9);
        await using RunningAgent agent = await StartAsync();
        await agent.UntilAsync(status => !status.Flows.Tables.IsEmpty);
        await Task.Delay(200, TestContext.Current.CancellationToken);
        string page = (await ReadAsync(OverSocket())).Text;
        foreach (
            string line in (string[])
                [
                    """datapath_verdict_packets_total{action="accept",direction="incoming",hook="tc-ingress",reason="none"} 5""",
                    """datapath_verdict_bytes_total{action="reject",direction="outgoing",hook="tc-egress",reason="short-header"} 80""",
                    """datapath_flow_events_lost_total{where="rate-limit"} 3""",
                    """datapath_exempt_packets_total{cause="not-ip"} 4""",
                    """datapath_connection_inserts_total 6""",
                    """datapath_connection_table_entries{table="tcp4"} 7""",
                    """datapath_connection_table_limit{table="tcp4"} 1024""",
                    """datapath_connection_insert_failures_total{stage="new"} 8""",
                    """datapath_connection_insert_failures_total{stage="proved"} 9""",
                    """datapath_backend_info{backend="ebpf",attached="tcx"} 1""",
                    """datapath_units{state="enforced"} 1""",
                    """datapath_policy_state{state="applied"} 1""",
                    """datapath_policy_state{state="refused"} 0""",
                ]
        )
        {
            Assert.Contains(line + "\n", page, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Rules_have_their_names_and_the_limit_holds()
    {
        await using RunningAgent agent = await StartAsync("--metrics-per-rule", "1");
        int rule = _fixture.Backend.Applied[^1].Rules.First(one => one.Rule.Kind == RuleKind.Ruleset).Index;
        _fixture.Backend.Counts = new Dictionary<int, (long, long)> { [rule] = (11, 1100) };
        string page = (await ReadAsync(OverSocket())).Text;
        Assert.Contains(
            """datapath_rule_packets_total{type="ruleset",namespace="/",ruleset="web-80",direction="incoming",rule="1",rule_name=""} 11""",
            page,
            StringComparison.Ordinal
        );
        Assert.Single(page.Split('\n'), line => line.StartsWith("datapath_rule_bytes_total{", StringComparison.Ordinal));
        Assert.Contains($"datapath_rules_unlisted {_fixture.Backend.Applied[^1].Rules.Length - 1}\n", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Flows_are_counted_by_namespace_and_action()
    {
        await using RunningAgent agent = await StartAsync();
        _fixture.Backend.Happens(FlowEvents.Of());
        _fixture.Backend.Happens(FlowEvents.Of());
        await agent.UntilAsync(status => status.Events.Received == 2 && status.Records.Made == 1);
        Assert.Contains("datapath_flows_total{namespace=\"/\",action=\"accept\"} 2\n", (await ReadAsync(OverSocket())).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Applies_are_counted_by_what_came_of_them()
    {
        await using RunningAgent agent = await StartAsync();
        _fixture.Write("a.yaml", "not: [a policy");
        await agent.UntilAsync(status => status.Policy.State == "refused");
        _fixture.Backend.Refusal = new BackendException("no");
        _fixture.Write("a.yaml", Policies.Allowing(81));
        await agent.UntilAsync(status => status.Policy.State == "not-taken");
        await Task.Delay(200, TestContext.Current.CancellationToken);
        string page = (await ReadAsync(OverSocket())).Text;
        Assert.Contains("datapath_policy_applies_total{result=\"applied\"} 1\n", page, StringComparison.Ordinal);
        Assert.Matches("datapath_policy_applies_total\\{result=\"refused\"\\} [1-9]", page);
        Assert.Matches("datapath_policy_applies_total\\{result=\"not-taken\"\\} [1-9]", page);
        Assert.Contains("datapath_policy_apply_duration_seconds_count 1\n", page, StringComparison.Ordinal);
        Assert.Contains("datapath_policy_apply_duration_seconds_bucket{le=\"+Inf\"} 1\n", page, StringComparison.Ordinal);
        Assert.Matches("datapath_policy_last_apply_timestamp_seconds [1-9]", page);
    }

    [Fact]
    public async Task A_kernel_that_refuses_costs_its_counters_and_nothing_else()
    {
        _fixture.Backend.CounterRefusal = new BackendException("no");
        await using RunningAgent agent = await StartAsync();
        string page = (await ReadAsync(OverSocket())).Text;
        Assert.Contains("datapath_backend_read_failures_total 1\n", page, StringComparison.Ordinal);
        Assert.Contains("datapath_policy_generation 1\n", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_scrapes_without_pause_does_not_keep_the_kernel_busy()
    {
        await using RunningAgent agent = await StartAsync();
        int before = _fixture.Backend.CounterReads;
        long start = TimeProvider.System.GetTimestamp();
        for (int i = 0; i < 50; i++)
        {
            await ReadAsync(OverSocket());
        }

        // Once a second at most, however long the machine takes for fifty.
        int most = (int)TimeProvider.System.GetElapsedTime(start).TotalSeconds + 2;
        Assert.InRange(_fixture.Backend.CounterReads - before, 1, most);
    }

    [Fact]
    public async Task No_series_stands_twice_on_a_page()
    {
        await using RunningAgent agent = await StartAsync();
        string[] series = [.. (await ReadAsync(OverSocket())).Text.Split('\n').Where(line => line.Length > 0 && line[0] != '#').Select(line => line[..line.LastIndexOf(' ')])];
        Assert.NotEmpty(series);
        Assert.Equal(series.Distinct(StringComparer.Ordinal), series);
    }

    private Task<RunningAgent> StartAsync(params string[] more)
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        return _fixture.StartAsync(more);
    }

    private HttpClient OverTcp() => new() { BaseAddress = new Uri($"http://{_fixture.MetricsListen}") };

    private HttpClient OverSocket() =>
        new(
            new SocketsHttpHandler
            {
                ConnectCallback = async (_, cancellation) =>
                {
                    Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(_fixture.SocketPath), cancellation);
                    return new NetworkStream(socket, ownsSocket: true);
                },
            }
        )
        {
            BaseAddress = new Uri("http://localhost"),
        };

    private static async Task<Page> ReadAsync(HttpClient client)
    {
        using (client)
        {
            HttpResponseMessage answer = await GetAsync(client);
            string text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            return new Page(
                answer.Content.Headers.ContentType!.ToString(),
                text,
                [.. text.Split('\n').Where(line => line.StartsWith("# TYPE ", StringComparison.Ordinal)).Select(line => line.Split(' ')[2])]
            );
        }
    }

    // The port is listened on once the first policy is in force, a moment after the status says so.
    private static async Task<HttpResponseMessage> GetAsync(HttpClient client)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                return await client.GetAsync(MetricsPage.Path, TestContext.Current.CancellationToken);
            }
            catch (HttpRequestException) when (TimeProvider.System.GetElapsedTime(start) < RunningAgent.Patience)
            {
                await Task.Delay(20, TestContext.Current.CancellationToken);
            }
        }
    }

    // Whoever takes it in between makes the test wait, not fail: the agent tries again.
    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private sealed record Page(string ContentType, string Text, ImmutableArray<string> Families);
}
