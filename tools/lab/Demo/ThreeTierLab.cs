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
    private readonly Dictionary<string, Endpoint> _endpoints = new(StringComparer.Ordinal);

    private ThreeTierLab(LabNetwork network, LabHost router)
    {
        (_network, Router) = (network, router);
        _endpoints.Add("router", new Endpoint(router, EndpointAddresses.ThreeTier["router"]));
    }

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
            await lab.ConnectHostsAsync(cancellation);
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
                _servers.Add(EchoServer.StartTcp(endpoint.Host, endpoint.Addresses.Of(family), what.Port));
            }
            else if (what.Protocol == ProtocolType.Udp)
            {
                _servers.Add(EchoServer.StartUdp(endpoint.Host, endpoint.Addresses.Of(family), what.Port));
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
        (Endpoint(attempt.From).Host, Endpoint(attempt.From).Addresses.Of(attempt.Family), Endpoint(attempt.To).Addresses.Of(attempt.Family));

    /// <summary>Stops the servers and deletes the network.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }

        await _network.DisposeAsync();
    }

    private async Task ConnectHostsAsync(CancellationToken cancellation)
    {
        await AddNeighbourAsync(["web"], "web0", EndpointAddresses.Of("10.0.1.1", "2001:db8:1::1"), cancellation);
        await AddNeighbourAsync(["db"], "db0", EndpointAddresses.Of("10.0.2.1", "2001:db8:2::1"), cancellation);
        await AddNeighbourAsync(["client", "guest", "stranger"], "up0", EndpointAddresses.ThreeTier["router"], cancellation);
    }

    /// <summary>Adds a host, called by the first name, on a link of its own with the router, which is its way to everywhere.</summary>
    private async Task AddNeighbourAsync(
        ImmutableArray<string> names,
        string interfaceOfRouter,
        EndpointAddresses gateway,
        CancellationToken cancellation
    )
    {
        var host = await _network.AddHostAsync(names[0], cancellation);
        await LabNetwork.ConnectAsync(Router, interfaceOfRouter, host, "eth0", cancellation);
        await AddAddressesAsync(Router, interfaceOfRouter, gateway, cancellation);
        foreach (var name in names)
        {
            await AddAddressesAsync(host, "eth0", EndpointAddresses.ThreeTier[name], cancellation);
            _endpoints.Add(name, new Endpoint(host, EndpointAddresses.ThreeTier[name]));
        }

        await host.AddDefaultRouteAsync(gateway.Ip4, cancellation);
        await host.AddDefaultRouteAsync(gateway.Ip6, cancellation);
    }

    private static async Task AddAddressesAsync(LabHost host, string interfaceName, EndpointAddresses addresses, CancellationToken cancellation)
    {
        await host.AddAddressAsync(interfaceName, addresses.Ip4, Prefix4, cancellation);
        await host.AddAddressAsync(interfaceName, addresses.Ip6, Prefix6, cancellation);
    }
}
