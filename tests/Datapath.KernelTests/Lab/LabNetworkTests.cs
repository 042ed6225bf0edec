using System.Net;
using Datapath.Interop.Processes;
using Datapath.Lab.Networks;
using Datapath.Lab.Probes;
using Xunit;

namespace Datapath.KernelTests.Lab;

/// <summary>The lab itself: what it makes works, what it measures is true, what it made goes.</summary>
public sealed class LabNetworkTests : IAsyncLifetime
{
    private const ushort Port = 7;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(300);

    private readonly LabNetwork _network = new(LabNetwork.PrefixFor("lab"));
    private LabHost _left = null!;
    private LabHost _right = null!;

    public static TheoryData<string, string> Pairs =>
        new()
        {
            { "192.0.2.1", "192.0.2.2" },
            { "2001:db8::1", "2001:db8::2" },
        };

    public async ValueTask InitializeAsync()
    {
        _left = await _network.AddHostAsync("left", Token);
        _right = await _network.AddHostAsync("right", Token);
        await LabNetwork.ConnectAsync(_left, "eth0", _right, "eth0", Token);
        await _left.AddAddressAsync("eth0", IPAddress.Parse("192.0.2.1"), 24, Token);
        await _left.AddAddressAsync("eth0", IPAddress.Parse("2001:db8::1"), 64, Token);
        await _right.AddAddressAsync("eth0", IPAddress.Parse("192.0.2.2"), 24, Token);
        await _right.AddAddressAsync("eth0", IPAddress.Parse("2001:db8::2"), 64, Token);
    }

    public ValueTask DisposeAsync() => _network.DisposeAsync();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory, MemberData(nameof(Pairs))]
    public async Task Every_kind_of_probe_is_answered_by_what_serves_it(string source, string destination)
    {
        var (from, to) = (IPAddress.Parse(source), IPAddress.Parse(destination));
        await using var tcp = EchoServer.StartTcp(_right, to, Port);
        await using var udp = EchoServer.StartUdp(_right, to, Port);
        var results = new List<ProbeResult>
        {
            await new TcpProbe(_left, from, to, Port, Patience).RunAsync(Token),
            await new UdpProbe(_left, from, to, Port, Patience).RunAsync(Token),
            await new PingProbe(_left, from, to, Patience).RunAsync(Token),
        };
        Assert.All(results, result => Assert.Equal(ProbeOutcome.Answered, result.Outcome));
        Assert.All(results, result => Assert.NotEqual(0, result.SourcePort));
    }

    [Theory, MemberData(nameof(Pairs))]
    public async Task A_closed_port_refuses(string source, string destination)
    {
        var (from, to) = (IPAddress.Parse(source), IPAddress.Parse(destination));
        Assert.Equal(ProbeOutcome.Refused, (await new TcpProbe(_left, from, to, Port, Patience).RunAsync(Token)).Outcome);
        Assert.Equal(ProbeOutcome.Refused, (await new UdpProbe(_left, from, to, Port, Patience).RunAsync(Token)).Outcome);
    }

    [Theory, MemberData(nameof(Pairs))]
    public async Task What_is_dropped_on_the_way_times_out(string source, string destination)
    {
        var (from, to) = (IPAddress.Parse(source), IPAddress.Parse(destination));
        await using var tcp = EchoServer.StartTcp(_right, to, Port);
        await using var udp = EchoServer.StartUdp(_right, to, Port);
        // A link that is down at the far end drops everything, whatever the protocol; the near end does not know the neighbour yet.
        _right.Run(() => CommandRunner.Run("ip", "link", "set", "eth0", "down"));
        Assert.Equal(ProbeOutcome.TimedOut, (await new TcpProbe(_left, from, to, Port, Short).RunAsync(Token)).Outcome);
        Assert.Equal(ProbeOutcome.TimedOut, (await new UdpProbe(_left, from, to, Port, Short).RunAsync(Token)).Outcome);
        Assert.Equal(ProbeOutcome.TimedOut, (await new PingProbe(_left, from, to, Short).RunAsync(Token)).Outcome);
    }

    [Fact]
    public async Task Nothing_is_left_when_it_is_disposed()
    {
        Assert.True(File.Exists(_left.NamespacePath));
        await _network.DisposeAsync();
        Assert.DoesNotContain(Directory.EnumerateFiles("/run/netns"), path => Path.GetFileName(path).StartsWith($"{_network.Prefix}-", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_command_that_fails_says_what_failed()
    {
        var exception = await Assert.ThrowsAsync<LabException>(() => _left.AddAddressAsync("eth9", IPAddress.Loopback, 8, Token));
        Assert.StartsWith($"ip -netns {_left.NamespaceName} address add 127.0.0.1/8 dev eth9: ", exception.Message, StringComparison.Ordinal);
    }
}
