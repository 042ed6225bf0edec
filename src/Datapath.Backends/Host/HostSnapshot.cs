using System.Collections.Immutable;
using System.Net;

namespace Datapath.Backends.Host;

/// <summary>Interfaces and addresses of this network namespace at one moment.</summary>
/// <param name="Interfaces">By ascending index.</param>
/// <param name="Addresses">Addresses of the host's interfaces, both families, loopback left out; sorted.</param>
/// <param name="LocalNetworks">
/// What the host takes from the network besides <paramref name="Addresses"/>: its local, broadcast and anycast routes, whole prefixes
/// among them; sorted.
/// </param>
public sealed record HostSnapshot(
    ImmutableArray<HostInterface> Interfaces,
    ImmutableArray<IPAddress> Addresses,
    ImmutableArray<IPNetwork> LocalNetworks
);
