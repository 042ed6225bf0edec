using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Datapath.Interop;
using Datapath.Interop.Netlink;

namespace Datapath.Backends.Host;

/// <summary>Looks at the interfaces and addresses of the network namespace that the calling thread is in.</summary>
public static class HostObserver
{
    // An IPv4 network this long has no broadcast address (RFC 3021).
    private const int LongestWithBroadcast = 30;

    /// <summary>Interfaces and addresses as they are now.</summary>
    /// <exception cref="BackendException">The kernel refused.</exception>
    public static HostSnapshot Read()
    {
        try
        {
            ImmutableArray<NetworkLink> links = Rtnetlink.Links();
            ImmutableArray<InterfaceAddress> addresses = Rtnetlink.Addresses();
            return new HostSnapshot(
                [.. links.OrderBy(link => link.Index).Select(InterfaceOf)],
                Sorted(addresses.Where(IsReachable).Select(one => one.Address)),
                Sorted(addresses.Where(HasBroadcast).Select(BroadcastOf))
            );
        }
        catch (KernelException refusal)
        {
            throw new BackendException($"cannot read interfaces and addresses: {refusal.Message}", refusal);
        }
    }

    /// <summary>Calls back for each change from now on, on a pool thread, until disposed. Several changes may come as several calls.</summary>
    /// <param name="onChange">What to do; must not throw.</param>
    /// <exception cref="BackendException">The kernel refused.</exception>
    public static IDisposable Watch(Action onChange)
    {
        try
        {
            return new HostWatch(new RtnetlinkMonitor(), onChange);
        }
        catch (KernelException refusal)
        {
            throw new BackendException($"cannot watch interfaces and addresses: {refusal.Message}", refusal);
        }
    }

    private static HostInterface InterfaceOf(NetworkLink link) =>
        new(link.Index, link.Name, link.IsLoopback, link.MasterIndex, link.HasEthernetHeader);

    /// <summary>Not by scope: an address of scope "host", as anycast addresses at lo often are, is answered from the network all the same.</summary>
    private static bool IsReachable(InterfaceAddress one) => !IPAddress.IsLoopback(one.Address);

    private static bool HasBroadcast(InterfaceAddress one) =>
        one.Address.AddressFamily == AddressFamily.InterNetwork && one.PrefixLength <= LongestWithBroadcast && IsReachable(one);

    private static IPAddress BroadcastOf(InterfaceAddress one)
    {
        byte[] bytes = one.Address.GetAddressBytes();
        for (int bit = one.PrefixLength; bit < 32; bit++)
        {
            bytes[bit / 8] |= (byte)(0x80 >> (bit % 8));
        }

        return new IPAddress(bytes);
    }

    private static ImmutableArray<IPAddress> Sorted(IEnumerable<IPAddress> addresses) =>
        [.. addresses.Distinct().OrderBy(address => address.ToString(), StringComparer.Ordinal)];
}
