using System.Net;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;

namespace Datapath.Backends.Host;

/// <summary>Whose an address is on a host: pure, so that every case is a test without a kernel.</summary>
/// <param name="peers">The addresses of the units.</param>
/// <param name="host">Knows its own.</param>
internal sealed class AddressOwners(PeerMap peers, HostSnapshot host)
{
    private readonly HashSet<IPAddress> _addresses = [.. host.Addresses];

    /// <summary>Number of the unit that has an address; null for the host's own and for those of others.</summary>
    /// <param name="address">Of either family.</param>
    public int? PodOf(IPAddress address)
    {
        AddressKey key = AddressKey.From(address);
        int unit = key.IsIPv6
            ? peers.IPv6.At(key.Value).Unit
            : peers.IPv4.At((uint)key.Value).Unit;
        return unit is 0 or LocalUnit.HostNumber ? null : unit;
    }

    /// <summary>Whether what is sent to an address from the network is the host's.</summary>
    /// <param name="address">Of either family.</param>
    public bool IsHosts(IPAddress address) =>
        _addresses.Contains(address)
        || IPAddress.IsLoopback(address)
        || IsMulticast(address)
        || host.LocalNetworks.Any(network => network.Contains(address));

    // 224.0.0.0/4.
    private static bool IsMulticast(IPAddress address) =>
        address.IsIPv6Multicast || (address.GetAddressBytes() is { Length: 4 } bytes && bytes[0] >> 4 == 0xe);
}
