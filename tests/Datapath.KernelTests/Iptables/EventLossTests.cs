using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Iptables;

/// <summary>Events that never come are counted: what is told, held back and lost is what was dropped.</summary>
public sealed class EventLossTests
{
    // Many times what a rule may tell in a second.
    private const int Flood = 6000;
    private const int EventsPerSecond = 1000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelTheory]
    [InlineData("nft")]
    [InlineData("legacy")]
    public async Task Drops_that_the_limit_of_a_rule_held_back_are_counted(string variant)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        RuleListing.Prefer(lab, variant);
        RunningAgent agent = await lab.StartAsync();
        LabEnd client = lab.EndOf("client");
        using Socket sender = client.Host.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        var denied = new IPEndPoint(lab.EndOf("web").IPv4, 9999);
        for (int i = 0; i < Flood; i++)
        {
            sender.SendTo([1], denied);
        }

        (long dropped, long told, long heldBack, long lost) = (0, -1, 0, 0);
        long start = TimeProvider.System.GetTimestamp();
        // Events are read twenty times a second.
        while (dropped != told + heldBack + lost && TimeProvider.System.GetElapsedTime(start) < Patience)
        {
            await Task.Delay(100, Token);
            dropped = Dropped(lab, variant);
            JsonElement status = await agent.Api.StatusAsync(Token);
            told = status.GetProperty("events").GetProperty("received").GetInt64();
            heldBack = await agent.Api.StatisticAsync("events_suppressed", Token);
            lost = await agent.Api.StatisticAsync("events_lost", Token);
        }

        Assert.Equal(dropped, told + heldBack + lost);
        Assert.InRange(dropped, 3 * EventsPerSecond, 2 * Flood);
        Assert.InRange(heldBack, 1, dropped);
    }

    private static long Dropped(AgentLab lab, string variant) =>
        lab.OnRouter($"iptables-{variant}-save", "-c", "-t", "mangle")
            .Split('\n')
            .Where(line => line.Contains("-j DROP", StringComparison.Ordinal) && line.Contains("dp.", StringComparison.Ordinal))
            .Sum(line => long.Parse(line[1..line.IndexOf(':', StringComparison.Ordinal)], CultureInfo.InvariantCulture));
}
