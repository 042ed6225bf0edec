using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Ebpf;
using Datapath.KernelTests.Support;
using Datapath.Lab.Networks;
using Datapath.Lab.Probes;
using Xunit;

namespace Datapath.KernelTests.Sockets;

/// <summary>What refusing connections early must not touch, with real sockets at both ends: answers, and other namespaces.</summary>
/// <remarks>The host 10.0.0.1 has its uplink to <c>peer</c>, 10.9.1.1, which has another one to <c>server</c>, 10.8.1.1.</remarks>
public sealed class NotRefusedTests : IAsyncLifetime
{
    private const string Host = "10.0.0.1";
    private const string Friend = "10.9.1.1";
    private const string Stranger = "10.8.1.1";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static int _count;

    private readonly LabCgroup _cgroup = LabCgroup.Create();
    private readonly LabNetwork _network = new(string.Create(CultureInfo.InvariantCulture, $"dpn-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}"));
    private readonly ProgramLab _lab;

    public NotRefusedTests() => _lab = new ProgramLab(options => options with { EarlyReject = true, EarlyRejectCgroup = _cgroup.Path });

    private LabHost HostInside => new LabHost("host", _lab.Name).InCgroup(_cgroup.Directory);

    private LabHost Peer => _network.Hosts[0];

    private LabHost Server => _network.Hosts[1];

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        await _network.AddHostAsync("peer");
        await _network.AddHostAsync("server");
        CommandRunner.Run("ip", ["-n", _lab.Name, "link", "set", "up0p", "netns", Peer.NamespaceName]);
        CommandRunner.Run("ip", ["-n", _lab.Name, "address", "add", $"{Host}/8", "dev", "up0"]);
        await Peer.IpAsync("link", "set", "up0p", "up");
        await Peer.AddAddressAsync("up0p", IPAddress.Parse(Friend), 8);
        await LabNetwork.ConnectAsync(Peer, "server", Server, "eth0");
        await Peer.AddAddressAsync("server", IPAddress.Parse("10.8.1.2"), 24);
        await Server.AddAddressAsync("eth0", IPAddress.Parse(Stranger), 24);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _network.DisposeAsync();
        _lab.Dispose();
        _cgroup.Dispose();
    }

    [KernelFact]
    public async Task A_server_of_datagrams_answers_where_nothing_may_be_opened()
    {
        _lab.Apply(Policies.NothingOutgoing);
        await using EchoServer server = EchoServer.StartUdp(HostInside, IPAddress.Parse(Host), 53);
        Assert.Equal(ProbeOutcome.Answered, await OutcomeAsync(new UdpProbe(Peer, IPAddress.Parse(Friend), IPAddress.Parse(Host), 53, Patience)));
        // The hook is there: what opens is refused.
        Assert.Equal(ProbeOutcome.Refused, await OutcomeAsync(new TcpProbe(HostInside, IPAddress.Parse(Host), IPAddress.Parse(Friend), 443, Patience)));
    }

    [KernelFact]
    public async Task A_server_that_connects_to_each_client_answers_as_well()
    {
        _lab.Apply(Policies.NothingOutgoing);
        using Socket server = HostInside.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        server.Bind(new IPEndPoint(IPAddress.Parse(Host), 53));
        Task answering = AnswerConnectedAsync(server);
        Assert.Equal(ProbeOutcome.Answered, await OutcomeAsync(new UdpProbe(Peer, IPAddress.Parse(Friend), IPAddress.Parse(Host), 53, Patience)));
        await answering;
    }

    [KernelFact]
    public async Task A_process_in_another_namespace_reaches_what_the_host_may_not()
    {
        _lab.Apply(Policies.Friends);
        await using EchoServer stream = EchoServer.StartTcp(Server, IPAddress.Parse(Stranger), 443);
        await using EchoServer datagrams = EchoServer.StartUdp(Server, IPAddress.Parse(Stranger), 443);
        LabHost peer = Peer.InCgroup(_cgroup.Directory);
        IPAddress from = IPAddress.Parse("10.8.1.2");
        Assert.Equal(ProbeOutcome.Answered, await OutcomeAsync(new TcpProbe(peer, from, IPAddress.Parse(Stranger), 443, Patience)));
        Assert.Equal(ProbeOutcome.Answered, await OutcomeAsync(new UdpProbe(peer, from, IPAddress.Parse(Stranger), 443, Patience)));
        Assert.Equal(ProbeOutcome.Refused, await OutcomeAsync(new TcpProbe(HostInside, IPAddress.Parse(Host), IPAddress.Parse(Stranger), 443, Patience)));
    }

    private static async Task<ProbeOutcome> OutcomeAsync(Probe probe) => (await probe.RunAsync(TestContext.Current.CancellationToken)).Outcome;

    private async Task AnswerConnectedAsync(Socket server)
    {
        var buffer = new byte[64];
        SocketReceiveFromResult first = await server.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience);
        // connect(2) runs the hook in the cgroup of the thread.
        HostInside.Run(() =>
        {
            server.Connect(first.RemoteEndPoint);
            return server.Send(buffer.AsSpan(0, first.ReceivedBytes));
        });
    }
}
