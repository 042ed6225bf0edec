using System.Net.Sockets;
using System.Text.Json;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Agent;

/// <summary>The commands that ask a running agent, with real packets, on both backends.</summary>
public sealed class AnswerTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelTheory]
    [InlineData(Judge.Tcx)]
    [InlineData(Judge.Nft)]
    public async Task Netstat_lists_what_is_open_with_both_ends_and_the_rule_and_nothing_that_is_denied(string judge)
    {
        await using AgentLab lab = await Judge.CreateLabAsync(judge, AgentPolicies.Friends);
        lab.Serve(Try.Allowed, Try.Denied, new("web", "client", "tcp/443", IsAllowed: true));
        await lab.StartAsync(Judge.Options(judge));
        using EchoConnection incoming = await lab.OpenToWebAsync(80);
        using EchoConnection outgoing = await EchoConnection.OpenAsync(lab.EndOf("web"), lab.EndOf("client"), 443, Token);
        Assert.True(await incoming.EchoesAsync(Token) && await outgoing.EchoesAsync(Token));
        Assert.False(await lab.IsAnsweredAsync(Try.Denied, AddressFamily.InterNetwork));

        JsonElement[] ofWeb = await NetstatAsync(lab, "web");
        Assert.Equal(
            [
                "web incoming 6 10.77.0.2 -> 10.78.0.2:80 Ext to PU friends -> web established everyone 1 services",
                "web outgoing 6 10.78.0.2 -> 10.77.0.2:443 PU to Ext web -> friends established everyone 1 updates",
            ],
            ofWeb.Select(Line)
        );
        Assert.All(ofWeb, one => Assert.InRange(one.GetProperty("durationSeconds").GetInt64(), 0, 600));
        Assert.Equal([], (await NetstatAsync(lab, "router")).Select(Line).Where(line => line.Contains(" 6 ", StringComparison.Ordinal)));

        CommandResult nobody = await lab.DatapathAsync("netstat", "nobody", "--socket", lab.Site.SocketPath);
        Assert.Equal((1, "datapath: there is no processing unit 'nobody' on this host\n"), (nobody.ExitCode, nobody.StandardError));
    }

    [KernelTheory]
    [InlineData(Judge.Tcx)]
    [InlineData(Judge.Nft)]
    public async Task Status_and_export_say_what_is_in_force_and_why(string judge)
    {
        await using AgentLab lab = await Judge.CreateLabAsync(judge, AgentPolicies.Friends);
        await lab.StartAsync(Judge.Options(judge));
        CommandResult status = await lab.DatapathAsync("status", "--socket", lab.Site.SocketPath);
        Assert.Equal(0, status.ExitCode);
        string backend = judge == Judge.Tcx ? "ebpf: asked for by --enable-ebpf" : "iptables: the default; --enable-ebpf asks for eBPF";
        Assert.Contains($"\nbackend     {backend}\n", status.StandardOutput, StringComparison.Ordinal);
        Assert.Matches(judge == Judge.Tcx ? @"\ntables +rules \d+ of \d+, interfaces 2 of \d+\n" : @"\ntables +mark-bits \d+ of \d+\n", status.StandardOutput);
        CommandResult export = await lab.DatapathAsync("policy", "export", "--confirmed", "--socket", lab.Site.SocketPath);
        Assert.Equal(0, export.ExitCode);
        Assert.Contains(AgentPolicies.Friends, export.StandardOutput, StringComparison.Ordinal);
        CommandResult stopped = await lab.DatapathAsync("status", "--socket", lab.Site.SocketPath + ".none");
        Assert.Equal(3, stopped.ExitCode);
    }

    [KernelFact]
    public async Task The_group_may_ask_and_only_root_gives_orders_and_strangers_are_told_nothing()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        await lab.StartAsync();
        // Whatever the modes are: they let everybody in.
        File.SetUnixFileMode(lab.Site.WorkPath, (UnixFileMode)0b111_111_111);
        File.SetUnixFileMode(lab.Site.SocketPath, (UnixFileMode)0b110_110_110);
        string[] curl = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", lab.Site.SocketPath];
        string[] member = ["setpriv", "--reuid=65534", "--regid=65534", "--groups=0"];
        string[] stranger = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        Assert.Equal("200", lab.OnRouter([.. member, .. curl, "http://agent/v1/status"]));
        Assert.Equal("403", lab.OnRouter([.. member, .. curl, "-X", "POST", "http://agent/v1/orders/rollback"]));
        Assert.Equal("403", lab.OnRouter([.. stranger, .. curl, "http://agent/v1/status"]));
        Assert.Equal("200", lab.OnRouter([.. curl, "-X", "POST", "http://agent/v1/orders/confirm"]));
        string[] lines = await File.ReadAllLinesAsync(Path.Combine(lab.Site.StatePath, "audit.log"), Token);
        JsonElement by = JsonDocument.Parse(lines[^1]).RootElement.GetProperty("by");
        Assert.Equal(("root", "curl"), (by.GetProperty("userName").GetString(), by.GetProperty("program").GetString()));
    }

    [KernelTheory]
    [InlineData(Judge.Tcx)]
    [InlineData(Judge.Nft)]
    public async Task Ping_says_what_the_policy_says_whether_it_left_and_what_came_back(string judge)
    {
        await using AgentLab lab = await Judge.CreateLabAsync(judge, AgentPolicies.Between("tcp/80", "tcp/443, icmp/8, icmp6/128"));
        await lab.StartAsync(Judge.Options(judge));

        // Nobody listens, which somebody says who was reached.
        (int exit, JsonElement ping) = await PingAsync(lab, "web", "10.77.0.2:443");
        Assert.Equal((1, "refused", "allowed", "up0"), (exit, Outcome(ping), Verdict(ping), LeftBy(ping)));

        lab.Serve(new Try("web", "client", "tcp/443", IsAllowed: true));
        foreach (string target in (string[])["10.77.0.2:443", "[2001:db8:77::2]:443"])
        {
            (exit, ping) = await PingAsync(lab, "web", target);
            Assert.Equal((0, "answered", "allowed", "up0"), (exit, Outcome(ping), Verdict(ping), LeftBy(ping)));
            Assert.Equal(["web outgoing allow none"], Judged(ping));
            Assert.True(ping.GetProperty("roundTripMilliseconds").GetDouble() > 0);
        }

        (exit, ping) = await PingAsync(lab, "router", "10.77.0.2:443");
        Assert.Equal((0, "answered", "up0"), (exit, Outcome(ping), LeftBy(ping)));
        foreach (string target in (string[])["10.77.0.2", "2001:db8:77::2"])
        {
            (exit, ping) = await PingAsync(lab, "/t/web", target, "--mode", "l3");
            Assert.Equal((0, "answered", "l3", "up0"), (exit, Outcome(ping), ping.GetProperty("mode").GetString(), LeftBy(ping)));
        }

        // What is denied is silent, and did not leave.
        foreach (string unit in (string[])["web", "router"])
        {
            (exit, ping) = await PingAsync(lab, unit, "10.77.0.2:444", "--within", "1s");
            Assert.Equal((1, "silent", "denied", ""), (exit, Outcome(ping), Verdict(ping), LeftBy(ping)));
            Assert.Equal([$"{unit} outgoing reject policy"], Judged(ping));
        }

        // Translated on the way out: seen where it is tracked.
        lab.OnRouter("iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "up0", "-s", "10.78.0.2", "-j", "SNAT", "--to-source", "10.77.0.1");
        (exit, ping) = await PingAsync(lab, "web", "10.77.0.2:443");
        Assert.Equal((0, "answered", "up0"), (exit, Outcome(ping), LeftBy(ping)));
        Assert.Contains("SNAT", ping.GetProperty("nat").EnumerateArray().Select(kind => kind.GetString()));
        Assert.StartsWith("10.77.0.1:", ping.GetProperty("onWire").GetString(), StringComparison.Ordinal);

        CommandResult text = await lab.DatapathAsync("ping", "web", "10.77.0.2:443", "--iterations", "2", "--socket", lab.Site.SocketPath);
        Assert.Equal(0, text.ExitCode);
        Assert.StartsWith("ping /t/web -> 10.77.0.2 tcp/443\npolicy: web outgoing: allow by ", text.StandardOutput, StringComparison.Ordinal);
        Assert.EndsWith("\n2 of 2 answered\n", text.StandardOutput, StringComparison.Ordinal);
        Assert.Equal(1, (await lab.DatapathAsync("netstat", "nobody", "--socket", lab.Site.SocketPath)).ExitCode);
    }

    [KernelTheory]
    [InlineData(Judge.Tcx)]
    [InlineData(Judge.Nft)]
    public async Task Collect_packs_everything_and_the_packets_that_were_dropped(string judge)
    {
        await using AgentLab lab = await Judge.CreateLabAsync(judge, AgentPolicies.Friends);
        lab.Serve(Try.Allowed, Try.Denied);
        await lab.StartAsync(Judge.Options(judge));
        string file = Path.Combine(lab.Site.WorkPath, "support.tar.gz");
        Task<CommandResult> collecting = lab.DatapathAsync(
            "collect", "--into", file, "--pcap", "web", "--pcap-for", "6s", "--instance", lab.Site.Instance, "--socket", lab.Site.SocketPath, "--state-dir", lab.Site.StatePath);
        while (!collecting.IsCompleted)
        {
            Assert.False(await lab.IsAnsweredAsync(Try.Denied, AddressFamily.InterNetwork));
            Assert.True(await lab.IsAnsweredAsync(Try.Allowed, AddressFamily.InterNetwork));
        }

        CommandResult collected = await collecting;
        Assert.Equal((0, file + "\n", ""), (collected.ExitCode, collected.StandardOutput, collected.StandardError));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        string unpacked = Directory.CreateDirectory(Path.Combine(lab.Site.WorkPath, "unpacked")).FullName;
        CommandRunner.Run("tar", "-xzf", file, "-C", unpacked, "--strip-components=1");
        string[] needed =
        [
            "manifest.txt", "doctor.json", "config.json", "agent/status.json", "agent/counters.json", "agent/connections.json", "agent/policy-active.json", "state/audit.log",
            "kernel/ip_address_show.txt", "kernel/iptables-save_-c.txt", "kernel/bpftool_prog_show.txt", "kernel/tc_-s_filter_show_dev_web0_egress.txt", "kernel/proc/version",
        ];
        Assert.All(needed, name => Assert.True(File.Exists(Path.Combine(unpacked, name)), name));
        // Old versions of tc and bpftool know no tcx, and without a rule or a program there is nothing to list.
        string[] perhapsEmpty = ["-save", "tc_", "bpftool"];
        Assert.All(needed.Where(name => !perhapsEmpty.Any(part => name.Contains(part, StringComparison.Ordinal))), name => Assert.NotEqual("", File.ReadAllText(Path.Combine(unpacked, name))));
        Assert.Contains(judge == Judge.Tcx ? "dp_" : "dp.", File.ReadAllText(Path.Combine(unpacked, judge == Judge.Tcx ? "kernel/bpftool_prog_show.txt" : "kernel/iptables-save_-c.txt")), StringComparison.Ordinal);

        // Only what was dropped: each packet from the IP header on, the destination port behind it.
        byte[] packets = File.ReadAllBytes(Path.Combine(unpacked, "pcap/web.pcap"));
        Assert.Equal(0xa1b2c3d4, BitConverter.ToUInt32(packets));
        int count = 0;
        for (int at = 24; at < packets.Length; at += 16 + BitConverter.ToInt32(packets, at + 8), count++)
        {
            Assert.Equal((10, 78, 0, 2), (packets[at + 32], packets[at + 33], packets[at + 34], packets[at + 35]));
            Assert.Equal(81, (packets[at + 38] << 8) | packets[at + 39]);
        }

        Assert.True(count > 0, "no packet was kept");
    }

    private static async Task<(int Exit, JsonElement Ping)> PingAsync(AgentLab lab, string unit, string target, params string[] more)
    {
        CommandResult result = await lab.DatapathAsync(["ping", unit, target, "--json", .. more, "--socket", lab.Site.SocketPath]);
        Assert.Equal("", result.StandardError);
        return (result.ExitCode, JsonDocument.Parse(result.StandardOutput).RootElement);
    }

    private static string? Outcome(JsonElement ping) => ping.GetProperty("outcome").GetString();

    private static string? Verdict(JsonElement ping) => ping.GetProperty("policy").GetProperty("verdict").GetString();

    private static string LeftBy(JsonElement ping) => string.Join(' ', ping.GetProperty("leftBy").EnumerateArray());

    private static IEnumerable<string> Judged(JsonElement ping) =>
        ping.GetProperty("judged").EnumerateArray().Select(one => $"{one.GetProperty("unit")} {one.GetProperty("direction")} {one.GetProperty("verdict")} {one.GetProperty("reason")}");

    private static async Task<JsonElement[]> NetstatAsync(AgentLab lab, string unit)
    {
        CommandResult result = await lab.DatapathAsync("netstat", unit, "--json", "--socket", lab.Site.SocketPath);
        Assert.Equal((0, ""), (result.ExitCode, result.StandardError));
        return [.. JsonDocument.Parse(result.StandardOutput).RootElement.GetProperty("connections").EnumerateArray()];
    }

    private static string Line(JsonElement one)
    {
        JsonElement rule = one.GetProperty("rule");
        string by = rule.ValueKind == JsonValueKind.Null ? "-" : $"{rule.GetProperty("ruleset")} {rule.GetProperty("position")} {rule.GetProperty("name")}";
        return $"{one.GetProperty("unit")} {one.GetProperty("direction")} {one.GetProperty("protocol")} {one.GetProperty("sourceIP")} -> "
            + $"{one.GetProperty("destinationIP")}:{one.GetProperty("destinationPort")} {one.GetProperty("type")} "
            + $"{one.GetProperty("source")} -> {one.GetProperty("destination")} {one.GetProperty("state")} {by}";
    }
}
