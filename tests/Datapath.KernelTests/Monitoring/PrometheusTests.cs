using System.Globalization;
using System.Net.Sockets;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Monitoring;

/// <summary>The page as Prometheus' own programs see it.</summary>
public sealed class PrometheusTests
{
    private static readonly Try Denied = new("stranger", "web", "tcp/80", IsAllowed: false);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>How long there is traffic under the eyes of Prometheus.</summary>
    private static TimeSpan ScrapeTime =>
        TimeSpan.FromSeconds(int.Parse(Environment.GetEnvironmentVariable("DATAPATH_SCRAPE_SECONDS") ?? "60", CultureInfo.InvariantCulture));

    [KernelTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Promtool_finds_no_fault_in_the_page(bool enableEbpf)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: enableEbpf);
        lab.Serve(Try.Allowed);
        await lab.StartAsync();
        Assert.True(await lab.IsAnsweredAsync(Try.Allowed, AddressFamily.InterNetwork));
        string page = lab.OnRouter("curl", "--silent", "--fail", "--retry", "10", "--retry-connrefused", "http://127.0.0.1:9469/metrics");
        Assert.Contains($"datapath_backend_info{{backend=\"{(enableEbpf ? "ebpf" : "iptables")}\"", page, StringComparison.Ordinal);
        CommandResult checkedBy = await PrometheusPrograms.CheckAsync(page);
        Assert.Equal((0, ""), (checkedBy.ExitCode, checkedBy.StandardOutput + checkedBy.StandardError));

        // The same at the agent's socket, and a page that it would not take is not taken.
        Assert.Contains("datapath_policy_generation 1\n", lab.OnRouter("curl", "--silent", "--fail", "--unix-socket", lab.Site.SocketPath, "http://agent/metrics"), StringComparison.Ordinal);
        Assert.NotEqual(0, (await PrometheusPrograms.CheckAsync(page + "# TYPE without_end counter\nwithout_end 1\n")).ExitCode);
    }

    [KernelFact]
    public async Task A_real_Prometheus_scrapes_both_backends_and_answers() => await Task.WhenAll(ScrapeAsync(enableEbpf: true), ScrapeAsync(enableEbpf: false));

    private static async Task ScrapeAsync(bool enableEbpf)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: enableEbpf);
        lab.Serve(Try.Allowed, Denied);
        await lab.StartAsync();
        string files = Directory.CreateTempSubdirectory("dpp-").FullName;
        try
        {
            await using PrometheusServer server = await PrometheusServer.StartAsync(lab.Router, files, RulesPath);
            await TrafficAsync(lab);

            // Every scrape of that time was taken, and what was counted is what happened.
            await server.UntilAsync("max_over_time(datapath_rule_packets_total{rule_name=\"services\"}[5m]) > 0", value => value > 0);
            Assert.Equal(1, await server.AskAsync("min_over_time(up{job=\"datapath\"}[5m])"));
            Assert.True(await server.AskAsync("count_over_time(up{job=\"datapath\"}[5m])") >= ScrapeTime.TotalSeconds / PrometheusServer.IntervalSeconds / 2);
            Assert.Equal(1, await server.AskAsync($"datapath_backend_info{{backend=\"{(enableEbpf ? "ebpf" : "iptables")}\"}}"));
            Assert.True(await server.AskAsync("sum(increase(datapath_rule_packets_total{type=\"default\",direction=\"incoming\"}[5m]))") > 0);
            Assert.True(await server.AskAsync("sum(datapath_connection_table_limit)") > 0);
            Assert.True(await server.AskAsync("datapath_flow_records_total") > 0);
            Assert.True(await server.AskAsync("sum(rate(process_cpu_seconds_total[5m]))") < 1);
            Assert.True(await server.AskAsync("count(datapath_policy_apply_duration_seconds_bucket)") > 5);
            if (enableEbpf)
            {
                await VerdictsAsync(server);
            }

            await server.UntilAsync(async () => (await server.RuleHealthAsync()).All(health => health == "ok"), "every alert rule can be evaluated");
            Assert.NotEmpty(await server.RuleHealthAsync());
        }
        finally
        {
            Directory.Delete(files, recursive: true);
        }
    }

    // What is judged by a rule is counted by place and reason, too: the same sum, once nothing is under way.
    private static async Task VerdictsAsync(PrometheusServer server)
    {
        Assert.True(await server.AskAsync("sum(datapath_verdict_packets_total{action=\"reject\",reason=\"policy\",direction=\"incoming\",hook=\"tc-egress\"})") > 0);
        Assert.True(await server.AskAsync("sum(datapath_verdict_bytes_total{action=\"accept\",reason=\"none\",direction=\"outgoing\",hook=\"tc-ingress\"})") > 0);
        Assert.True(await server.AskAsync("datapath_connection_inserts_total") > 0);
        await server.UntilAsync("sum(datapath_verdict_packets_total{reason=~\"none|policy|revoked\"}) - sum(datapath_rule_packets_total)", value => value == 0);
        await server.UntilAsync("sum(datapath_verdict_bytes_total{reason=~\"none|policy|revoked\"}) - sum(datapath_rule_bytes_total)", value => value == 0);
    }

    private static async Task TrafficAsync(AgentLab lab)
    {
        long start = TimeProvider.System.GetTimestamp();
        do
        {
            Assert.True(await lab.IsAnsweredAsync(Try.Allowed, AddressFamily.InterNetwork));
            Assert.False(await lab.IsAnsweredAsync(Denied, AddressFamily.InterNetworkV6));
            await Task.Delay(TimeSpan.FromMilliseconds(500), Token);
        } while (TimeProvider.System.GetElapsedTime(start) < ScrapeTime);
    }

    private static string RulesPath => Path.Combine(KernelTestPaths.Repository, "docs", "monitoring", "alerts.yaml");
}
