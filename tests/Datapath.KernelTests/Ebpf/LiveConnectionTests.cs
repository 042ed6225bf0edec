using System.Net;
using System.Net.Sockets;
using Datapath.Backends.Ebpf;
using Datapath.Backends.Host;
using Datapath.KernelTests.Support;
using Datapath.Lab.Networks;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;
using Xunit;

namespace Datapath.KernelTests.Ebpf;

/// <summary>Connections that are older than the first policy: those that it allows go on, the others end, in both families.</summary>
public sealed class LiveConnectionTests : IAsyncLifetime
{
    private const ushort Served = 80;
    private const ushort Asked = 443;

    // Longer than TCP waits before it sends again (200 ms and more).
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly LabNetwork _network = new(LabNetwork.PrefixFor("dpk-live"));
    private readonly List<Socket> _sockets = [];
    private LabHost _host = null!;
    private LabHost _friend = null!;
    private EbpfBackend _backend = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        _host = await _network.AddHostAsync("host", Token);
        _friend = await _network.AddHostAsync("friend", Token);
        await LabNetwork.ConnectAsync(_host, "up0", _friend, "eth0", Token);
        await _host.AddAddressAsync("up0", IPAddress.Parse("10.9.0.1"), 24, Token);
        await _host.AddAddressAsync("up0", IPAddress.Parse("2001:db8:9::1"), 64, Token);
        await _friend.AddAddressAsync("eth0", IPAddress.Parse("10.9.0.2"), 24, Token);
        await _friend.AddAddressAsync("eth0", IPAddress.Parse("2001:db8:9::2"), 64, Token);
        _backend = new EbpfBackend(new EbpfOptions { Instance = _host.NamespaceName, MaxTcpFlows = 1024, MaxOtherFlows = 1024, MaxRules = 1024, ArenaBytes = 8 << 20 });
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _sockets.ForEach(socket => socket.Dispose());
        _host.Run(() => _backend.Remove(dryRun: false));
        _backend.Dispose();
        await _network.DisposeAsync();
    }

    [KernelTheory]
    [InlineData("10.9.0.1", "10.9.0.2", true, false, true, false)]
    [InlineData("10.9.0.1", "10.9.0.2", false, true, false, true)]
    [InlineData("10.9.0.1", "10.9.0.2", true, true, true, true)]
    [InlineData("10.9.0.1", "10.9.0.2", false, false, false, false)]
    [InlineData("2001:db8:9::1", "2001:db8:9::2", true, false, true, false)]
    [InlineData("2001:db8:9::1", "2001:db8:9::2", false, true, false, true)]
    public async Task First_enforcement_cuts_what_the_opener_may_not_do_and_nothing_else(
        string host,
        string friend,
        bool mayServe,
        bool mayAsk,
        bool servedLives,
        bool askedLives
    )
    {
        (Socket Client, Socket Server) served = await ConnectAsync(_friend, _host, host, Served);
        (Socket Client, Socket Server) asked = await ConnectAsync(_host, _friend, friend, Asked);
        Apply(mayServe, mayAsk);
        // Either end speaks first: the host's own packets are those whose direction the policy may deny.
        Assert.Equal(servedLives, await CarriesAsync(served.Server, served.Client));
        Assert.Equal(servedLives, await CarriesAsync(served.Client, served.Server));
        Assert.Equal(askedLives, await CarriesAsync(asked.Server, asked.Client));
        Assert.Equal(askedLives, await CarriesAsync(asked.Client, asked.Server));
    }

    /// <summary>A connection, opened before anything is enforced.</summary>
    private async Task<(Socket Client, Socket Server)> ConnectAsync(LabHost from, LabHost to, string address, ushort port)
    {
        var place = new IPEndPoint(IPAddress.Parse(address), port);
        Socket listener = Keep(to.Run(() => new Socket(place.AddressFamily, SocketType.Stream, ProtocolType.Tcp)));
        listener.Bind(place);
        listener.Listen();
        Socket client = Keep(from.Run(() => new Socket(place.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }));
        await client.ConnectAsync(place, Token);
        Socket server = Keep(await listener.AcceptAsync(Token));
        return (client, server);
    }

    private Socket Keep(Socket socket)
    {
        _sockets.Add(socket);
        return socket;
    }

    private static async Task<bool> CarriesAsync(Socket from, Socket to)
    {
        await from.SendAsync(new byte[] { 1 }, Token);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
        limit.CancelAfter(Patience);
        try
        {
            return await to.ReceiveAsync(new byte[1], limit.Token) == 1;
        }
        catch (OperationCanceledException) when (!Token.IsCancellationRequested)
        {
            return false;
        }
    }

    private void Apply(bool mayServe, bool mayAsk)
    {
        string Rule(bool allowed, string direction, ushort port) =>
            allowed
                ? $$"""
                      {{direction}}:
                        - action: Allow
                          object: [["externalnetwork:name=friends"]]
                          protocolPorts: [tcp/{{port}}]

                """
                : "";
        string yaml = $"""
            APIVersion: 1
            label: live
            data:
              namespaces:
                - name: /t
                  defaultPUIncomingTrafficAction: Reject
                  defaultPUOutgoingTrafficAction: Reject
              processingunits:
                - name: host
                  namespace: /t
                  attach: {"{"} host: true {"}"}
              externalnetworks:
                - name: friends
                  namespace: /t
                  associatedTags: ["externalnetwork:name=friends"]
                  entries: [10.9.0.0/16, "2001:db8:9::/48"]
              networkrulesetpolicies:
                - name: everyone
                  namespace: /t
                  subject: [["$identity=processingunit"]]
            {Rule(mayServe, "incomingRules", Served)}{Rule(mayAsk, "outgoingRules", Asked)}
            """;
        PolicyReading reading = PolicyReader.Read("policy.yaml", yaml);
        _host.Run(() =>
        {
            HostSnapshot snapshot = HostObserver.Read();
            var inventory = new HostInventory("host", snapshot.Addresses, []);
            PolicyResolution resolution = PolicyResolver.Resolve(reading.Policy, inventory, new PolicyOptions());
            Assert.False(resolution.HasErrors);
            CompiledPolicy policy = Assert.IsType<CompiledPolicy>(PolicyCompiler.Compile(resolution.Policy, RuleIndexes.Empty).Policy);
            return _backend.Apply(policy, snapshot);
        });
    }
}
