using System.Net;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Agent;

/// <summary>What a router takes for itself is judged as the host's, also what it takes since a moment ago.</summary>
public sealed class LocalAddressTests(ITestOutputHelper output)
{
    private const int Port = 9;
    private const int Rounds = 3;

    // The quickest of a few is compared, because a test machine may be busy.
    private static readonly TimeSpan SoonEnough = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelTheory]
    [InlineData("address", "10.79.0.1/32 dev lo", "10.79.0.1")]
    [InlineData("address", "2001:db8:79::1/128 dev lo", "2001:db8:79::1")]
    [InlineData("route", "local 10.79.0.0/16 dev lo", "10.79.200.7")]
    [InlineData("route", "local 2001:db8:79::/48 dev lo", "2001:db8:79::9:7")]
    public async Task What_the_router_begins_to_take_is_judged_within_a_second(string what, string which, string destination)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        await lab.StartAsync();
        var to = new IPEndPoint(IPAddress.Parse(destination), Port);
        using var drizzle = new Drizzle(lab.Client, lab.EndOf("stranger").Of(to.AddressFamily), lab.Router, to);
        TimeSpan quickest = TimeSpan.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            long before = drizzle.Arrived;
            long start = TimeProvider.System.GetTimestamp();
            lab.OnRouter(["ip", .. Family(to), what, "add", .. which.Split(' ')]);
            await UntilQuietAsync(drizzle, before);
            TimeSpan open = drizzle.Arrived == before ? TimeSpan.Zero : TimeProvider.System.GetElapsedTime(start, drizzle.LastArrival);
            output.WriteLine($"{what} {which}: open for {open.TotalMilliseconds:F0} ms, {drizzle.Arrived - before} datagrams");
            quickest = open < quickest ? open : quickest;
            lab.OnRouter(["ip", .. Family(to), what, "delete", .. which.Split(' ')]);
            // The agent must have seen it go before it comes again.
            await Task.Delay(Quiet, Token);
        }

        Assert.True(drizzle.Arrived > 0, "nothing ever arrived: the test would pass without an agent");
        Assert.True(quickest < SoonEnough, $"the quickest took {quickest}");
    }

    [KernelTheory]
    [InlineData("10.77.0.99")]
    [InlineData("10.77.0.255")]
    [InlineData("2001:db8:77::")]
    public async Task An_address_that_is_shared_is_the_hosts(string shared)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        // A broadcast address of their own choice, on both sides, beside the usual one.
        lab.OnRouter("ip", "address", "add", "10.77.0.1/25", "broadcast", "10.77.0.99", "dev", "up0");
        Datapath.Interop.Processes.CommandRunner.Run(
            "ip", "-n", lab.Client.NamespaceName, "address", "add", "10.77.0.2/25", "broadcast", "10.77.0.99", "dev", "eth0");
        var to = new IPEndPoint(IPAddress.Parse(shared), Port);
        using var drizzle = new Drizzle(lab.Client, lab.EndOf("stranger").Of(to.AddressFamily), lab.Router, to);
        long start = TimeProvider.System.GetTimestamp();
        while (drizzle.Arrived == 0)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, "the router does not take it: there is nothing to judge");
            await Task.Delay(Quiet, Token);
        }

        await lab.StartAsync();
        await Task.Delay(Quiet, Token);
        long before = drizzle.Arrived;
        await Task.Delay(Quiet, Token);
        Assert.Equal(before, drizzle.Arrived);
    }

    [KernelFact]
    public async Task Where_forwarding_ends_everything_is_the_hosts_at_once()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        RunningAgent agent = await lab.StartAsync();
        // Nobody's packet: no unit has the address, no route leads there.
        IPAddress nobody = IPAddress.Parse("10.81.0.1");
        using StreamReader events = await agent.Api.OpenEventsAsync(Token);
        using var drizzle = new Drizzle(lab.Client, lab.EndOf("stranger").IPv4, lab.Router, new IPEndPoint(nobody, Port));
        lab.OnRouter("sysctl", "-qw", "net.ipv4.conf.up0.forwarding=0");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
        limit.CancelAfter(Patience);
        string? line;
        do
        {
            line = await events.ReadLineAsync(limit.Token);
        } while (line is not null && !line.Contains("10.81.0.1", StringComparison.Ordinal));

        Assert.NotNull(line);
        Assert.Contains("\"router\"", line, StringComparison.Ordinal);
    }

    private static string[] Family(IPEndPoint to) => to.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? [] : ["-6"];

    /// <summary>Until nothing has arrived for a while; something must have, or the place was closed from the beginning.</summary>
    private static async Task UntilQuietAsync(Drizzle drizzle, long before)
    {
        long start = TimeProvider.System.GetTimestamp();
        long last;
        do
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, $"still open: {drizzle.Arrived - before} datagrams came through");
            last = drizzle.Arrived;
            await Task.Delay(Quiet, Token);
        } while (drizzle.Arrived != last);
    }
}
