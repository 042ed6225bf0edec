using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Agent;

/// <summary>Packets and bytes of each flow, counted by the kernel and told in records.</summary>
public sealed class FlowAccountTests
{
    private const int Datagrams = 10;
    private const int PayloadBytes = 100;
    private const int UdpHeaderBytes = 8;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelTheory]
    [InlineData(Judge.Tcx)]
    [InlineData(Judge.Nft)]
    public async Task Records_add_up_to_the_bytes_of_both_directions(string judge)
    {
        await using AgentLab lab = await Judge.CreateLabAsync(judge, AgentPolicies.Friends);
        lab.Serve(new Try("client", "router", "udp/53", IsAllowed: true), new Try("client", "web", "udp/53", IsAllowed: true), Try.Allowed);
        RunningAgent agent = await lab.StartAsync([.. Judge.Options(judge), "--flow-accounting", "--flow-interval", "1s"]);
        await ExchangeAsync(lab, "router", AddressFamily.InterNetwork);
        await ExchangeAsync(lab, "web", AddressFamily.InterNetwork);
        await ExchangeAsync(lab, "web", AddressFamily.InterNetworkV6);
        using EchoConnection connection = await lab.OpenToWebAsync(80);
        Assert.True(await connection.EchoesAsync(Token));

        Assert.Equal((Datagrams, Sum(20), Datagrams, Sum(20)), await SumUntilAsync(lab, "/t/router", "10.77.0.2", 17));
        Assert.Equal((Datagrams, Sum(20), Datagrams, Sum(20)), await SumUntilAsync(lab, "/t/web", "10.77.0.2", 17));
        Assert.Equal((Datagrams, Sum(40), Datagrams, Sum(40)), await SumUntilAsync(lab, "/t/web", "2001:db8:77::2", 17));

        // Headers of 20 and of at least 20 bytes a packet, 16 bytes of words each way; the connection is open.
        (long there, long thereBytes, long back, long backBytes) = await SumUntilAsync(lab, "/t/web", "10.77.0.2", 6);
        Assert.InRange(there, 3, 10);
        Assert.InRange(back, 2, 10);
        Assert.InRange(thereBytes, 16 + (there * 40), 16 + (there * 60));
        Assert.InRange(backBytes, 16 + (back * 40), 16 + (back * 60));

        // What is carried while the connection goes on is told without another event; what waits at the end, by the end.
        Assert.True(await connection.EchoesAsync(Token));
        await EndAsync(agent);
        (long Packets, long Bytes, long Back, long BackBytes) later = Sums(await RecordsAsync(lab, agentRuns: false), "/t/web", "10.77.0.2", 6);
        Assert.InRange(later.Bytes, thereBytes + 16 + 40, long.MaxValue);
        Assert.InRange(later.BackBytes, backBytes + 16 + 40, long.MaxValue);
        Assert.Equal("0", Accounting(lab));
    }

    [KernelTheory]
    [InlineData(Judge.Tcx)]
    [InlineData(Judge.Nft)]
    public async Task Nobody_counts_who_was_not_told_to(string judge)
    {
        await using AgentLab lab = await Judge.CreateLabAsync(judge, AgentPolicies.Friends);
        lab.Serve(new Try("client", "router", "udp/53", IsAllowed: true));
        RunningAgent agent = await lab.StartAsync([.. Judge.Options(judge), "--flow-interval", "1s"]);
        await ExchangeAsync(lab, "router", AddressFamily.InterNetwork);
        Assert.Equal("0", Accounting(lab));
        await EndAsync(agent);
        JsonElement[] records = await RecordsAsync(lab, agentRuns: false);
        Assert.NotEmpty(records);
        Assert.All(records, record => Assert.False(record.TryGetProperty("sourceBytes", out _)));
    }

    // As a service manager does, so that it reports what it has counted.
    private static async Task EndAsync(RunningAgent agent)
    {
        CommandRunner.Run("kill", "-TERM", agent.ProcessId.ToString(CultureInfo.InvariantCulture));
        for (TimeSpan waited = TimeSpan.Zero; Directory.Exists($"/proc/{agent.ProcessId}"); waited += TimeSpan.FromMilliseconds(100))
        {
            Assert.InRange(waited, TimeSpan.Zero, Patience);
            await Task.Delay(100, Token);
        }
    }

    private static long Sum(int headerBytes) => Datagrams * (headerBytes + UdpHeaderBytes + PayloadBytes);

    // One after the other, so that each is answered.
    private static async Task ExchangeAsync(AgentLab lab, string to, AddressFamily family)
    {
        LabEnd from = lab.EndOf("client");
        using Socket socket = from.Host.Run(() => new Socket(family, SocketType.Dgram, ProtocolType.Udp));
        socket.Bind(new IPEndPoint(from.Of(family), 0));
        await socket.ConnectAsync(new IPEndPoint(lab.EndOf(to).Of(family), 53), Token);
        byte[] payload = new byte[PayloadBytes];
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Token);
        deadline.CancelAfter(Patience);
        for (int i = 0; i < Datagrams; i++)
        {
            await socket.SendAsync(payload, deadline.Token);
            Assert.Equal(PayloadBytes, await socket.ReceiveAsync(payload, deadline.Token));
        }
    }

    [KernelFact]
    public async Task What_a_killed_agent_had_conntrack_count_ends_with_the_next_agent_or_with_purge_and_what_others_want_stays()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        await (await lab.StartAsync("--flow-accounting")).KillAsync();
        Assert.Equal("1", Accounting(lab));
        RunningAgent next = await lab.StartAsync();
        Assert.Equal("0", Accounting(lab));
        await next.KillAsync();

        await (await lab.StartAsync("--flow-accounting")).KillAsync();
        // Who goes on with it puts it back too.
        await (await lab.StartAsync("--flow-accounting")).KillAsync();
        Assert.Equal("1", Accounting(lab));
        Assert.Equal(0, (await lab.PurgeAsync()).ExitCode);
        Assert.Equal("0", Accounting(lab));

        lab.OnRouter("sh", "-c", "echo 1 >/proc/sys/net/netfilter/nf_conntrack_acct");
        await (await lab.StartAsync("--flow-accounting")).KillAsync();
        Assert.Equal(0, (await lab.PurgeAsync()).ExitCode);
        Assert.Equal("1", Accounting(lab));
    }

    private static async Task<(long, long, long, long)> SumUntilAsync(AgentLab lab, string unit, string source, int protocol)
    {
        (long Packets, long Bytes, long Back, long BackBytes) sums = default;
        for (TimeSpan waited = TimeSpan.Zero; waited < Patience; waited += TimeSpan.FromSeconds(1))
        {
            sums = Sums(await RecordsAsync(lab, agentRuns: true), unit, source, protocol);
            if (protocol == 17 ? sums is { Packets: >= Datagrams, Back: >= Datagrams } : sums.Packets > 0)
            {
                break;
            }

            await Task.Delay(TimeSpan.FromSeconds(1), Token);
        }

        return sums;
    }

    private static (long Packets, long Bytes, long Back, long BackBytes) Sums(JsonElement[] records, string unit, string source, int protocol)
    {
        JsonElement[] carried =
        [
            .. records.Where(record => record.TryGetProperty("sourceBytes", out _)
                && record.GetProperty("processingUnitID").GetString() == unit
                && record.GetProperty("sourceIP").GetString() == source
                && record.GetProperty("protocol").GetInt32() == protocol),
        ];
        return (Of("sourcePackets"), Of("sourceBytes"), Of("destinationPackets"), Of("destinationBytes"));

        long Of(string field) => carried.Sum(record => record.GetProperty(field).GetInt64());
    }

    private static async Task<JsonElement[]> RecordsAsync(AgentLab lab, bool agentRuns)
    {
        string lines;
        if (agentRuns)
        {
            CommandResult flows = await lab.DatapathAsync("flows", "--socket", lab.Site.SocketPath, "--output", "json");
            Assert.Equal((0, ""), (flows.ExitCode, flows.StandardError));
            lines = flows.StandardOutput;
        }
        else
        {
            lines = await File.ReadAllTextAsync(Path.Combine(lab.Site.StatePath, "flows", "flows.jsonl"), Token);
        }

        return [.. lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
    }

    // Of the router's network namespace; where nothing is tracked there is none.
    private static string Accounting(AgentLab lab) => lab.OnRouter("sh", "-c", "cat /proc/sys/net/netfilter/nf_conntrack_acct 2>/dev/null || echo 0").Trim();
}
