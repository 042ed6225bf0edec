using System.Text.RegularExpressions;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Agent;

/// <summary>The walk-through of the README, its own lines in its own order, on a host that is as untouched afterwards as before.</summary>
public sealed partial class WalkThroughTests
{
    [KernelTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_lines_of_the_readme_do_what_it_says(bool enableEbpf)
    {
        await using WalkThroughHost host = await WalkThroughHost.CreateAsync(enableEbpf);
        string[] lines = WalkThrough();
        Assert.True(lines.Length > 10, "the README has no walk-through");
        Assert.True(await host.IsAnsweredAsync("guest", 443), "without an agent the network does not work: what is denied later would prove nothing");
        host.Begin(lines);
        foreach (string line in lines)
        {
            (int exit, string said) = await host.NextAsync(line);
            await CheckAsync(host, line, exit, said);
        }

        Assert.Empty(await host.TracesAsync());
    }

    private static async Task CheckAsync(WalkThroughHost host, string line, int exit, string said)
    {
        string verb = Verb().Match(line).Groups["verb"].Value;
        bool isNo = verb is "diff" or "explain" || line.Contains("ping", StringComparison.Ordinal);
        Assert.True(exit == (isNo ? 1 : 0), $"{line}\nended with {exit}:\n{said}");
        switch (verb)
        {
            case "run":
                await host.UntilItRunsAsync();
                // Discovery: everything passes, and leaves a record.
                Assert.True(await host.IsAnsweredAsync("guest", 443) && await host.IsAnsweredAsync("guest", 443, WalkThroughHost.Router));
                await host.UntilRecordedAsync("192.0.2.70");
                break;
            case "flows" when line.Contains("reject", StringComparison.Ordinal):
                Assert.Contains("no-guests", said, StringComparison.Ordinal);
                break;
            case "flows":
                Assert.Contains("192.0.2.70", said, StringComparison.Ordinal);
                break;
            case "diff":
                Assert.Contains("reject", said, StringComparison.OrdinalIgnoreCase);
                break;
            case "apply":
                Assert.True(await host.IsAnsweredAsync("client", 443));
                Assert.False(await host.IsAnsweredAsync("guest", 443));
                await host.UntilRecordedAsync("no-guests");
                break;
            case "status":
                Assert.Contains("on trial", said, StringComparison.Ordinal);
                break;
            case "explain":
                Assert.Contains("no-guests", said, StringComparison.Ordinal);
                break;
            case "ping":
                Assert.Contains("did not leave the host", said, StringComparison.Ordinal);
                Assert.Contains("web outgoing: reject", said, StringComparison.Ordinal);
                break;
            case "uninstall":
                Assert.True(await host.IsAnsweredAsync("guest", 443));
                break;
            case "" when line.Contains("kill", StringComparison.Ordinal):
                Assert.False(await host.IsAnsweredAsync("guest", 443));
                break;
            default:
                break;
        }
    }

    /// <summary>The lines between the fences behind the sentence that says that this test runs them.</summary>
    private static string[] WalkThrough()
    {
        string readme = File.ReadAllText(Path.Combine(WalkThroughHost.Repository, "README.md"));
        string block = readme[readme.IndexOf("a test runs these very lines", StringComparison.Ordinal)..].Split("```")[1];
        return [.. block.Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }

    [GeneratedRegex(@"out/datapath (?<verb>\w+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Verb();
}
