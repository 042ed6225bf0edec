using System.Net.Sockets;
using System.Text.Json;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Agent;

public sealed class FlowRecordTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Both_backends_record_the_same_of_the_same_attempts(bool enableEbpf)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: enableEbpf);
        lab.Serve(Try.UnderFriends);
        await lab.StartAsync();
        Try[] tries =
        [
            Try.Allowed,
            Try.Denied,
            new("client", "router", "udp/53", IsAllowed: true),
            new("stranger", "web", "ping", IsAllowed: false),
            new("web", "client", "tcp/443", IsAllowed: true),
        ];
        foreach (Try one in tries)
        {
            Assert.Equal(one.IsAllowed, await lab.IsAnsweredAsync(one, AddressFamily.InterNetwork));
        }

        string[] expected =
        [
            "Accept incoming /t/friends 10.77.0.2 -> /t/router 10.77.0.1 17/53 /t everyone 1 services",
            "Accept incoming /t/friends 10.77.0.2 -> /t/web 10.78.0.2 6/80 /t everyone 1 services",
            "Accept outgoing /t/web 10.78.0.2 -> /t/friends 10.77.0.2 6/443 /t everyone 1 updates",
            "Reject incoming /t/friends 10.77.0.2 -> /t/web 10.78.0.2 6/81 /t default 0  policy",
            "Reject incoming default 10.77.0.3 -> /t/web 10.78.0.2 1/0 /t default 0  policy icmp 8/0",
        ];
        Assert.Equal(expected, await RecordsUntilAsync(lab, expected.Length));

        // One question at a time finds what it asks for.
        CommandResult rejected = await lab.DatapathAsync("flows", "--socket", lab.Site.SocketPath, "--action", "reject", "--port", "tcp/81");
        Assert.Equal(0, rejected.ExitCode);
        Assert.Equal(2, rejected.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        CommandResult top = await lab.DatapathAsync("top", "--interval", "1s", "--socket", lab.Site.SocketPath);
        Assert.Equal(0, top.ExitCode);
        Assert.Contains("/t/everyone 1 incoming", top.StandardOutput, StringComparison.Ordinal);
    }

    /// <summary>Once each, whatever else the hosts said: neighbour discovery has rules of its own.</summary>
    private static async Task<string[]> RecordsUntilAsync(AgentLab lab, int count)
    {
        string[] seen = [];
        for (TimeSpan waited = TimeSpan.Zero; waited < Patience && seen.Length < count; waited += TimeSpan.FromMilliseconds(200))
        {
            CommandResult flows = await lab.DatapathAsync("flows", "--socket", lab.Site.SocketPath, "--output", "json");
            Assert.Equal((0, ""), (flows.ExitCode, flows.StandardError));
            seen =
            [
                .. flows
                    .StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                    .Select(line => JsonDocument.Parse(line).RootElement)
                    .Where(record => record.GetProperty("policyType").GetString() is "ruleset" or "default" && record.GetProperty("protocol").GetInt32() != 58)
                    .Select(Line)
                    .Distinct(StringComparer.Ordinal)
                    .Order(StringComparer.Ordinal),
            ];
            await Task.Delay(200, Token);
        }

        return seen;
    }

    private static string Line(JsonElement record)
    {
        string end = record.TryGetProperty("dropReason", out JsonElement reason) ? $" {reason.GetString()}" : "";
        string icmp = record.TryGetProperty("icmpType", out JsonElement type) ? $" icmp {type.GetInt32()}/{record.GetProperty("icmpCode").GetInt32()}" : "";
        return $"{Text("action")} {Text("direction")} {Text("sourceID")} {Text("sourceIP")} -> {Text("destinationID")} {Text("destinationIP")} "
            + $"{record.GetProperty("protocol").GetInt32()}/{record.GetProperty("destinationPort").GetInt32()} "
            + $"{Text("policyNamespace")} {Text("policyID")} {record.GetProperty("rulePosition").GetInt32()} {Text("ruleName")}{end}{icmp}";

        string? Text(string name) => record.GetProperty(name).GetString();
    }
}
