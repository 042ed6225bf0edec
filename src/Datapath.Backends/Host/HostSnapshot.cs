using System.Collections.Immutable;
using System.Net;

namespace Datapath.Backends.Host;

/// <summary>Interfaces and addresses of this network namespace at one moment.</summary>
/// <param name="Interfaces">By ascending index.</param>
/// <param name="Addresses">Addresses of the host, both families, loopback left out; sorted.</param>
/// <param name="Broadcasts">IPv4 broadcast addresses of its interfaces; sorted.</param>
public sealed record HostSnapshot(
    ImmutableArray<HostInterface> Interfaces,
    ImmutableArray<IPAddress> Addresses,
    ImmutableArray<IPAddress> Broadcasts
);

/// <summary>A network interface.</summary>
/// <param name="Index">The kernel's index.</param>
/// <param name="Name">Its name.</param>
/// <param name="IsLoopback">Loopback is never judged.</param>
/// <param name="Master">Index of the bridge or bond that it is enslaved to, or 0.</param>
/// <param name="HasMacHeader">False for tun, wireguard and ipip, whose packets begin with the IP header.</param>
public sealed record HostInterface(int Index, string Name, bool IsLoopback, int Master, bool HasMacHeader);
