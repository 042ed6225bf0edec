using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Datapath.Lab.Networks;
using Datapath.Lab.Probes;

namespace Datapath.Lab.Demo;

/// <summary>
/// The network of <c>examples/three-tier</c>: a router, which is the host that the agent protects, with the pods <c>web</c> and <c>db</c> behind veth pairs,
/// and a client beyond its uplink.
/// </summary>
internal sealed class ThreeTierLab : IAsyncDisposable
{
    private const int Prefix4 = 24;
    private const int Prefix6 = 64;

    private readonly LabNetwork _network;
    private readonly List<EchoServer> _servers = [];
    private ImmutableDictionary<string, Endpoint> _endpoints = ImmutableDictionary<string, Endpoint>.Empty;

    private ThreeTierLab(LabNetwork network, LabHost router) => (_network, Router) = (network, router);

    /// <summary>The host that the agent protects.</summary>
    public LabHost Router { get; }

    /// <summary>Interfaces of the router.</summary>
    public static ImmutableArray<string> RouterInterfaces => ["up0", "web0", "db0"];

    /// <summary>Makes the network.</summary>
    /// <param name="prefix">Beginning of the names of its namespaces.</param>
    /// <param name="cancellation">Stops; what was made is deleted.</param>
    public static async Task<ThreeTierLab> CreateAsync(string prefix, CancellationToken cancellation)
    {
        var network = new LabNetwork(prefix);
        try
        {
            var lab = new ThreeTierLab(network, await network.AddHostAsync("router", cancellation));
            lab.Router.Forward();
            lab._endpoints = await lab.ConnectHostsAsync(cancellation);
            return lab;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    /// <summary>The host and addresses that a name of the table stands for.</summary>
    /// <param name="name">A name of the table.</param>
    /// <exception cref="LabException">There is no such endpoint.</exception>
    public Endpoint Endpoint(string name) =>
        _endpoints.GetValueOrDefault(name) ?? throw new LabException($"the lab has no endpoint '{name}'");

    /// <summary>Starts whatever the attempts want to reach, so that only a rule can keep them from it.</summary>
    /// <param name="attempts">The table.</param>
    public void Serve(ImmutableArray<Attempt> attempts)
    {
        foreach (var (to, family, what) in attempts.Select(attempt => (attempt.To, attempt.Family, attempt.What)).Distinct())
        {
            var endpoint = Endpoint(to);
            if (what.Protocol == ProtocolType.Tcp)
            {
                _servers.Add(EchoServer.StartTcp(endpoint.Host, endpoint.Address(family), what.Port));
            }
            else if (what.Protocol == ProtocolType.Udp)
            {
                _servers.Add(EchoServer.StartUdp(endpoint.Host, endpoint.Address(family), what.Port));
            }
        }
    }

    /// <summary>Makes one attempt.</summary>
    /// <param name="attempt">Who tries what.</param>
    /// <param name="patience">How long to wait for an answer.</param>
    /// <param name="cancellation">Gives up early.</param>
    public Task<ProbeResult> TryAsync(Attempt attempt, TimeSpan patience, CancellationToken cancellation)
    {
        var (from, source, destination) = Ends(attempt);
        Probe probe = attempt.What.Protocol switch
        {
            ProtocolType.Tcp => new TcpProbe(from, source, destination, attempt.What.Port, patience),
            ProtocolType.Udp => new UdpProbe(from, source, destination, attempt.What.Port, patience),
            _ => new PingProbe(from, source, destination, patience),
        };
        return probe.RunAsync(cancellation);
    }

    /// <summary>The host that tries and the two addresses on the wire.</summary>
    /// <param name="attempt">Who tries what.</param>
    public (LabHost From, IPAddress Source, IPAddress Destination) Ends(Attempt attempt) =>
        (Endpoint(attempt.From).Host, Endpoint(attempt.From).Address(attempt.Family), Endpoint(attempt.To).Address(attempt.Family));

    /// <summary>Stops the servers and deletes the network.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }

        await _network.DisposeAsync();
    }

    private async Task<ImmutableDictionary<string, Endpoint>> ConnectHostsAsync(CancellationToken cancellation)
    {
        var web = await AddNeighbourAsync("web", "web0", ("10.0.1.1", "2001:db8:1::1"), [("10.0.1.2", "2001:db8:1::2")], cancellation);
        var db = await AddNeighbourAsync("db", "db0", ("10.0.2.1", "2001:db8:2::1"), [("10.0.2.2", "2001:db8:2::2")], cancellation);
        var client = await AddNeighbourAsync(
            "client",
            "up0",
            ("192.0.2.1", "2001:db8:c::1"),
            [("192.0.2.10", "2001:db8:c::10"), ("192.0.2.66", "2001:db8:c:0:4000::66"), ("192.0.2.200", "2001:db8:c:0:8000::200")],
            cancellation
        );
        return ImmutableDictionary<string, Endpoint>
            .Empty.Add("router", EndpointOf(Router, ("192.0.2.1", "2001:db8:c::1")))
            .Add("web", web[0])
            .Add("db", db[0])
            .Add("client", client[0])
            .Add("guest", client[1])
            .Add("stranger", client[2]);
    }

    /// <summary>Adds a host on a link of its own with the router, which is its way to everywhere.</summary>
    private async Task<ImmutableArray<Endpoint>> AddNeighbourAsync(
        string name,
        string interfaceOfRouter,
        (string Ip4, string Ip6) gateway,
        ImmutableArray<(string Ip4, string Ip6)> addresses,
        CancellationToken cancellation
    )
    {
        var host = await _network.AddHostAsync(name, cancellation);
        await LabNetwork.ConnectAsync(Router, interfaceOfRouter, host, "eth0", cancellation);
        await AddAddressesAsync(EndpointOf(Router, gateway), interfaceOfRouter, cancellation);
        ImmutableArray<Endpoint> endpoints = [.. addresses.Select(pair => EndpointOf(host, pair))];
        foreach (var endpoint in endpoints)
        {
            await AddAddressesAsync(endpoint, "eth0", cancellation);
        }

        await host.AddDefaultRouteAsync(IPAddress.Parse(gateway.Ip4), cancellation);
        await host.AddDefaultRouteAsync(IPAddress.Parse(gateway.Ip6), cancellation);
        return endpoints;
    }

    private static Endpoint EndpointOf(LabHost host, (string Ip4, string Ip6) addresses) =>
        new(host, IPAddress.Parse(addresses.Ip4), IPAddress.Parse(addresses.Ip6));

    private static async Task AddAddressesAsync(Endpoint endpoint, string interfaceName, CancellationToken cancellation)
    {
        await endpoint.Host.AddAddressAsync(interfaceName, endpoint.Ip4, Prefix4, cancellation);
        await endpoint.Host.AddAddressAsync(interfaceName, endpoint.Ip6, Prefix6, cancellation);
    }
}
