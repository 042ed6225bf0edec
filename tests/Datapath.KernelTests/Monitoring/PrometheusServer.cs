using System.Globalization;
using System.Text.Json;
using Datapath.Interop.Processes;
using Datapath.Lab.Networks;
using Xunit;

namespace Datapath.KernelTests.Monitoring;

/// <summary>A real Prometheus on a host of a lab, which scrapes the agent there and knows our alert rules.</summary>
internal sealed class PrometheusServer : IAsyncDisposable
{
    private const string Address = "127.0.0.1:9090";

    /// <summary>Time between scrapes, and what one may take: a machine that tests share is slow at times.</summary>
    public const int IntervalSeconds = 4;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly LabHost _host;
    private readonly RunningCommand _command;

    private PrometheusServer(LabHost host, RunningCommand command) => (_host, _command) = (host, command);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Starts it and waits until it is ready.</summary>
    /// <param name="host">Where.</param>
    /// <param name="directory">For its files; the caller deletes it.</param>
    /// <param name="rules">Path of a file of rules.</param>
    public static async Task<PrometheusServer> StartAsync(LabHost host, string directory, string rules)
    {
        string configuration = Path.Combine(directory, "prometheus.yml");
        await File.WriteAllTextAsync(
            configuration,
            $"""
            global:
              scrape_interval: {IntervalSeconds}s
              evaluation_interval: 5s
            rule_files: ["{rules}"]
            scrape_configs:
              - job_name: datapath
                static_configs:
                  - targets: ["127.0.0.1:9469"]
            """,
            Token
        );
        string[] arguments = [$"--config.file={configuration}", $"--storage.tsdb.path={Path.Combine(directory, "tsdb")}", $"--web.listen-address={Address}", "--log.level=warn"];
        PrometheusServer server = new(host, RunningCommand.Start("nsenter", [$"--net={host.NamespacePath}", PrometheusPrograms.Prometheus, .. arguments]));
        try
        {
            await server.UntilAsync(async () => (await server.GetAsync("/-/ready")).ExitCode == 0, "ready");
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>The sum of what a query gives now; null when it gives nothing.</summary>
    /// <param name="query">In PromQL; an instant vector.</param>
    public async Task<double?> AskAsync(string query)
    {
        using JsonDocument answer = await JsonAsync("/api/v1/query", query);
        Assert.Equal("success", answer.RootElement.GetProperty("status").GetString());
        double[] values =
        [
            .. answer.RootElement.GetProperty("data").GetProperty("result").EnumerateArray().Select(one => double.Parse(one.GetProperty("value")[1].GetString()!, CultureInfo.InvariantCulture)),
        ];
        return values.Length > 0 ? values.Sum() : null;
    }

    /// <summary>Asks until the answer is as expected.</summary>
    public async Task UntilAsync(string query, Predicate<double?> isExpected)
    {
        double? last = null;
        await UntilAsync(async () => isExpected(last = await AskAsync(query)), () => $"{query}: {last}");
    }

    /// <summary>State of each rule as it says itself: <c>ok</c>, <c>err</c> or <c>unknown</c> before it was evaluated.</summary>
    public async Task<string[]> RuleHealthAsync()
    {
        using JsonDocument answer = await JsonAsync("/api/v1/rules", query: null);
        return
        [
            .. answer
                .RootElement.GetProperty("data")
                .GetProperty("groups")
                .EnumerateArray()
                .SelectMany(group => group.GetProperty("rules").EnumerateArray())
                .Select(rule => rule.GetProperty("health").GetString()!),
        ];
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _command.DisposeAsync();

    /// <summary>Waits.</summary>
    public Task UntilAsync(Func<Task<bool>> isSo, string what) => UntilAsync(isSo, () => what);

    private async Task UntilAsync(Func<Task<bool>> isSo, Func<string> what)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!await isSo())
        {
            Assert.False(_command.HasExited, string.Join('\n', _command.Output));
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, $"not so: {what()}\n{string.Join('\n', _command.Output)}");
            await Task.Delay(TimeSpan.FromMilliseconds(250), Token);
        }
    }

    private async Task<JsonDocument> JsonAsync(string path, string? query)
    {
        CommandResult answer = await GetAsync(path, query is null ? [] : ["--get", "--data-urlencode", $"query={query}"]);
        Assert.True(answer.ExitCode == 0, answer.StandardError + string.Join('\n', _command.Output));
        return JsonDocument.Parse(answer.StandardOutput);
    }

    private Task<CommandResult> GetAsync(string path, params string[] more) =>
        CommandRunner.RunAsync("nsenter", [$"--net={_host.NamespacePath}", "curl", "--silent", "--show-error", "--fail", .. more, $"http://{Address}{path}"], cancellation: Token);
}
