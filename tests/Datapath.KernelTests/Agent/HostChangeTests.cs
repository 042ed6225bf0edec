using System.Net;
using System.Text.Json;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Datapath.Lab.Probes;
using Xunit;

namespace Datapath.KernelTests.Agent;

public sealed class HostChangeTests
{
    // Until a new interface is judged it is open. The quickest of a few is compared, because a test machine may be busy.
    private static readonly TimeSpan SoonEnough = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelTheory]
    [InlineData("tcx")]
    [InlineData("clsact")]
    public async Task An_interface_is_taken_over_when_it_appears_and_forgotten_when_it_goes(string hook)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, hasPod: false);
        RunningAgent agent = await lab.StartAsync("--tc-hook", hook);
        JsonElement alone = await agent.Api.StatusAsync(Token);
        Assert.Equal("there is no interface web0", alone.NotEnforced("web"));
        string before = Owned(lab);
        TimeSpan quickest = TimeSpan.MaxValue;
        for (int round = 0; round < 3; round++)
        {
            Task connecting = lab.ConnectPodAsync();
            quickest = Shorter(quickest, await TimeUntilJudgedAsync(lab, agent, hook));
            await connecting;
            lab.OnRouter("ip", "link", "delete", "web0");
            await agent.StatusUntilAsync(status => status.NotEnforced("web") == "there is no interface web0");
            Assert.Equal(before, Owned(lab));
        }

        Assert.True(quickest < SoonEnough, $"the quickest took {quickest}");
        Assert.Contains("\ndatapath_interface_attach_delay_seconds ", lab.OnRouter("curl", "--silent", "--fail", "--unix-socket", lab.Site.SocketPath, "http://agent/metrics"), StringComparison.Ordinal);
        Assert.DoesNotContain(agent.Output, line => line.Contains("error", StringComparison.OrdinalIgnoreCase));

        await lab.ConnectPodAsync();
        lab.Serve(Try.Allowed, Try.Denied);
        await agent.StatusUntilAsync(status => status.Places("web") is [var place] && place == $"web0 {hook}");
        var under = await lab.TryAsync(Try.Allowed, Try.Denied);
        Assert.Equal(under.Expected, under.Observed);
    }

    [KernelFact]
    public async Task An_address_that_is_added_later_is_the_hosts()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        (IPAddress ip4, IPAddress ip6) = (IPAddress.Parse("10.79.0.1"), IPAddress.Parse("2001:db8:79::1"));
        await lab.StartAsync();
        await lab.Router.AddAddressAsync("lo", ip4, 32, Token);
        await lab.Router.AddAddressAsync("lo", ip6, 128, Token);
        foreach (IPAddress added in (IPAddress[])[ip4, ip6])
        {
            await using EchoServer open = EchoServer.StartTcp(lab.Router, added, 80);
            await using EchoServer closed = EchoServer.StartTcp(lab.Router, added, 81);
            // While it is not the host's, a request to it passes unjudged and opens no flow: its answer is dropped. TCP repeats the request.
            Assert.True(await IsAnsweredAsync(lab, added, 80, Patience), $"{added} port 80");
            Assert.False(await IsAnsweredAsync(lab, added, 81, TimeSpan.FromMilliseconds(900)), $"{added} port 81");
        }
    }

    private static async Task<bool> IsAnsweredAsync(AgentLab lab, IPAddress destination, ushort port, TimeSpan patience)
    {
        IPAddress source = lab.EndOf("client").Of(destination.AddressFamily);
        return (await new TcpProbe(lab.Client, source, destination, port, patience).RunAsync(Token)).Outcome == ProbeOutcome.Answered;
    }

    /// <summary>From the moment that the interface is there until the kernel has our programs at it.</summary>
    private static async Task<TimeSpan> TimeUntilJudgedAsync(AgentLab lab, RunningAgent agent, string hook)
    {
        while (!lab.Router.Run(() => Directory.Exists("/proc/sys/net/ipv4/conf/web0")))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), Token);
        }

        long start = TimeProvider.System.GetTimestamp();
        await agent.StatusUntilAsync(status => status.Places("web") is [var place] && place == $"web0 {hook}");
        return TimeProvider.System.GetElapsedTime(start);
    }

    private static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other;

    /// <summary>What the instance has pinned for interfaces.</summary>
    private static string Owned(AgentLab lab) =>
        string.Join(
            '\n',
            Directory
                .EnumerateFileSystemEntries($"/sys/fs/bpf/datapath/{lab.Site.Instance}", "*", SearchOption.AllDirectories)
                .Where(path => path.Contains("/links/", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal)
        );
}
