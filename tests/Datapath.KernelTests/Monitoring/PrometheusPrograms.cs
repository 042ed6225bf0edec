using Datapath.Interop.Processes;

namespace Datapath.KernelTests.Monitoring;

/// <summary>Prometheus' own programs, installed or taken out of their package by <c>tools/prometheus/fetch.sh</c>.</summary>
internal static class PrometheusPrograms
{
    // Where the script puts them.
    private static readonly string Cache = Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache ? cache : Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "/root", ".cache"),
        "datapath",
        "prometheus"
    );

    /// <summary>The server.</summary>
    public static string Prometheus => PathOf("prometheus");

    /// <summary>The tool that checks pages and rules.</summary>
    public static string Promtool => PathOf("promtool");

    /// <summary>What promtool says of a page.</summary>
    /// <param name="page">In text format.</param>
    public static Task<CommandResult> CheckAsync(string page) => CommandRunner.RunAsync(Promtool, ["check", "metrics"], input: page);

    private static string PathOf(string program)
    {
        string[] directories = [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'), Cache];
        return directories.Select(directory => Path.Combine(directory, program)).FirstOrDefault(File.Exists)
            ?? throw new InvalidOperationException($"{program} is neither on the path nor in {Cache}: run tools/prometheus/fetch.sh");
    }
}
