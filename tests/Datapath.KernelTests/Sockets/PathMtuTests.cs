using System.Net.Sockets;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Datapath.Lab.Networks;
using Xunit;

namespace Datapath.KernelTests.Sockets;

/// <summary>Complaint C14 as users see it: large packets vanish, because the ICMP error that says so was dropped.</summary>
public sealed class PathMtuTests
{
    private const int SmallMtu = 1300;
    private const int TooLargeBytes = 1400;
    private const int FittingBytes = 1200;
    private const int TransferBytes = 300_000;
    private const int MostTries = 200;
    private const ushort Port = 5000;

    // Options of linux/in.h and linux/in6.h: IP_MTU_DISCOVER and IPV6_MTU_DISCOVER, and the value that forbids fragments.
    private const int LevelIPv4 = 0;
    private const int LevelIPv6 = 41;
    private const int MtuDiscoverIPv4 = 10;
    private const int MtuDiscoverIPv6 = 23;
    private const int DiscoverDo = 2;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelTheory]
    [InlineData("router", "far", AddressFamily.InterNetwork)]
    [InlineData("router", "far", AddressFamily.InterNetworkV6)]
    [InlineData("web", "far", AddressFamily.InterNetwork)]
    [InlineData("web", "far", AddressFamily.InterNetworkV6)]
    [InlineData("far", "router", AddressFamily.InterNetwork)]
    [InlineData("far", "web", AddressFamily.InterNetworkV6)]
    public async Task A_narrow_link_on_the_way_is_found_though_no_rule_allows_icmp(string from, string to, AddressFamily family)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(
            AgentPolicies.Between($"tcp/{Port}, udp/{Port}", $"tcp/{Port}, udp/{Port}", "10.93.0.2/32, \"2001:db8:93::2/128\"")
        );
        LabEnd far = await AddFarHostAsync(lab);
        await lab.StartAsync();
        (LabEnd opener, LabEnd responder) = (from == "far" ? far : lab.EndOf(from), to == "far" ? far : lab.EndOf(to));
        await AssertDatagramsAdaptAsync(opener, responder, family);
        using LiveFlow stream = await LiveFlow.OpenAsync("tcp", opener, responder, family, Port, Patience);
        await AssertCarriesAsync(stream.Opener, stream.Responder);
        await AssertCarriesAsync(stream.Responder, stream.Opener);
        Assert.Equal((uint)SmallMtu, TcpInfo.Of(stream.Opener).PathMtu);
        // What nobody on the way may change (RFC 2018, RFC 7323).
        Assert.All([stream.Opener, stream.Responder], end => Assert.True(TcpInfo.Of(end) is { HasTimestamps: true, HasSelectiveAcknowledgment: true }));
    }

    [KernelTheory]
    [InlineData("router", AddressFamily.InterNetwork)]
    [InlineData("router", AddressFamily.InterNetworkV6)]
    [InlineData("web", AddressFamily.InterNetwork)]
    [InlineData("web", AddressFamily.InterNetworkV6)]
    public async Task It_is_found_by_a_connection_of_which_only_a_socket_tells(string from, AddressFamily family)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(
            AgentPolicies.Between(incoming: null, $"tcp/{Port}", "10.93.0.2/32, \"2001:db8:93::2/128\"")
        );
        LabEnd far = await AddFarHostAsync(lab);
        await lab.StartAsync();
        using LiveFlow stream = await LiveFlow.OpenAsync("tcp", lab.EndOf(from), far, family, Port, Patience);
        Assert.NotEqual(0, FlowTables.Empty(lab));
        // All of it is too large: the first that comes back is the error, and without it nothing would ever be answered.
        await AssertCarriesAsync(stream.Opener, stream.Responder);
        Assert.Equal((uint)SmallMtu, TcpInfo.Of(stream.Opener).PathMtu);
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task The_host_says_that_a_pods_link_is_narrow_though_no_rule_lets_the_host_speak(AddressFamily family)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Between($"tcp/{Port}, udp/{Port}", outgoing: null));
        await lab.Router.IpAsync("link", "set", "web0", "mtu", $"{SmallMtu}");
        await lab.StartAsync();
        (LabEnd client, LabEnd web) = (lab.EndOf("client"), lab.EndOf("web"));
        await AssertDatagramsAdaptAsync(client, web, family);
        using LiveFlow stream = await LiveFlow.OpenAsync("tcp", client, web, family, Port, Patience);
        await AssertCarriesAsync(stream.Opener, stream.Responder);
        Assert.Equal((uint)SmallMtu, TcpInfo.Of(stream.Opener).PathMtu);
    }

    /// <summary>Client becomes a router to a gateway by a narrow link; behind the gateway, by a wide one, is the far host.</summary>
    private static async Task<LabEnd> AddFarHostAsync(AgentLab lab)
    {
        LabHost gateway = await lab.AddHostAsync("gateway");
        LabEnd far = AgentLab.End(await lab.AddHostAsync("far"), "10.93.0.2", "2001:db8:93::2");
        await AgentLab.ConnectAsync(
            AgentLab.End(lab.Client, "10.92.0.1", "2001:db8:92::1"), "narrow0", AgentLab.End(gateway, "10.92.0.2", "2001:db8:92::2"), "narrow1"
        );
        await AgentLab.ConnectAsync(AgentLab.End(gateway, "10.93.0.1", "2001:db8:93::1"), "wide0", far, "eth0");
        await lab.Client.IpAsync("link", "set", "narrow0", "mtu", $"{SmallMtu}");
        await gateway.IpAsync("link", "set", "narrow1", "mtu", $"{SmallMtu}");
        lab.Client.Forward();
        gateway.Forward();
        await lab.Router.IpAsync("route", "add", "10.93.0.0/24", "via", "10.77.0.2");
        await lab.Router.IpAsync("route", "add", "2001:db8:93::/64", "via", "2001:db8:77::2");
        await lab.Client.IpAsync("route", "add", "10.93.0.0/24", "via", "10.92.0.2");
        await lab.Client.IpAsync("route", "add", "2001:db8:93::/64", "via", "2001:db8:92::2");
        foreach ((LabHost host, string v4, string v6) in ((LabHost, string, string)[])[(gateway, "10.92.0.1", "2001:db8:92::1"), (far.Host, "10.93.0.1", "2001:db8:93::1")])
        {
            await host.IpAsync("route", "add", "default", "via", v4);
            await host.IpAsync("route", "add", "default", "via", v6);
        }

        return far;
    }

    private static async Task AssertDatagramsAdaptAsync(LabEnd from, LabEnd to, AddressFamily family)
    {
        await AssertIsToldAsync(from, to, family);
        // Another socket, because errors may still wait at the first. It knows from the beginning: the kernel remembers the path.
        using LiveFlow datagrams = LiveFlow.PrepareUdp(from, to, family, Port);
        Assert.True(await datagrams.IsHeardAsync(fromOpener: true, Patience, FittingBytes));
        Assert.True(await datagrams.IsHeardAsync(fromOpener: true, Patience, TooLargeBytes), "not even in fragments");
    }

    private static async Task AssertIsToldAsync(LabEnd from, LabEnd to, AddressFamily family)
    {
        using LiveFlow datagrams = LiveFlow.PrepareUdp(from, to, family, Port);
        bool isIp6 = family == AddressFamily.InterNetworkV6;
        datagrams.Opener.SetRawSocketOption(isIp6 ? LevelIPv6 : LevelIPv4, isIp6 ? MtuDiscoverIPv6 : MtuDiscoverIPv4, BitConverter.GetBytes(DiscoverDo));
        Assert.True(await datagrams.IsHeardAsync(fromOpener: true, Patience, FittingBytes));
        for (int tries = 0; ; tries++)
        {
            try
            {
                await datagrams.Opener.SendAsync(new byte[TooLargeBytes], Token);
            }
            catch (SocketException told) when (told.SocketErrorCode == SocketError.MessageSize)
            {
                return;
            }

            Assert.True(tries < MostTries, "nobody was told that the datagrams are too large");
            await Task.Delay(Pause, Token);
        }
    }

    private static async Task AssertCarriesAsync(Socket from, Socket to)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Token);
        deadline.CancelAfter(Patience);
        Task<int> sending = from.SendAsync(new byte[TransferBytes], deadline.Token).AsTask();
        var buffer = new byte[TransferBytes];
        for (int received = 0; received < TransferBytes;)
        {
            int count = await to.ReceiveAsync(buffer, deadline.Token);
            Assert.NotEqual(0, count);
            received += count;
        }

        Assert.Equal(TransferBytes, await sending);
    }
}
