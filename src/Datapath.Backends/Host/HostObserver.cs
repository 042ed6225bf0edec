using System.Collections.Immutable;
using System.Net;
using Datapath.Interop;
using Datapath.Interop.Libc;
using Datapath.Interop.Netlink;

namespace Datapath.Backends.Host;

/// <summary>Looks at the interfaces and addresses of the network namespace that the calling thread is in.</summary>
public static class HostObserver
{
    private const string OwnNamespace = "/proc/thread-self/ns/net";

    /// <summary>Interfaces and addresses as they are now.</summary>
    /// <exception cref="BackendException">The kernel refused.</exception>
    public static HostSnapshot Read()
    {
        try
        {
            ImmutableArray<NetworkLink> links = Rtnetlink.Links();
            ImmutableArray<InterfaceAddress> addresses = Rtnetlink.Addresses();
            var forwarding = new ForwardingSettings(Rtnetlink.Forwarding(), InterfaceForwarding.ForcedForIPv6(links));
            HashSet<int> virtualRouters = [.. links.Where(IsVirtualRouter).Select(link => link.Index)];
            return new HostSnapshot(
                [.. links.OrderBy(link => link.Index).Select(link => InterfaceOf(link, virtualRouters, forwarding))],
                Sorted(addresses.Where(IsReachable).Select(one => one.Address)),
                LocalNetworks.Of(Rtnetlink.LocalRoutes(), Rtnetlink.Rules())
            );
        }
        catch (KernelException refusal)
        {
            throw new BackendException($"cannot read interfaces and addresses: {refusal.Message}", refusal);
        }
    }

    /// <summary>Calls back for each change from now on, on a pool thread, until disposed. Several changes may come as several calls.</summary>
    /// <param name="onChange">What to do; must not throw.</param>
    /// <param name="onTrouble">Told why nothing is heard for now; it is tried again until it works. Must not throw.</param>
    /// <exception cref="BackendException">The kernel refused.</exception>
    public static IDisposable Watch(Action onChange, Action<string> onTrouble)
    {
        try
        {
            return new HostWatch(Subscriptions(), onChange, onTrouble, TimeProvider.System);
        }
        catch (KernelException refusal)
        {
            throw new BackendException($"cannot watch interfaces and addresses: {refusal.Message}", refusal);
        }
    }

    /// <summary>Subscribes in the namespace of the thread that is here now: a pool thread that tries again may be in another.</summary>
    private static Func<HostChanges> Subscriptions()
    {
        NetworkNamespace here = NetworkNamespace.Open(OwnNamespace);
        return () =>
        {
            RtnetlinkMonitor monitor = here.Run(() => new RtnetlinkMonitor());
            return new HostChanges(monitor.ChangesAsync, monitor);
        };
    }

    private static HostInterface InterfaceOf(NetworkLink link, HashSet<int> virtualRouters, ForwardingSettings forwarding) =>
        new(
            link.Index,
            link.Name,
            link.IsLoopback || IsVirtualRouter(link),
            virtualRouters.Contains(link.MasterIndex) ? 0 : link.MasterIndex,
            link.HasEthernetHeader
        )
        {
            HardwareAddress = link.HardwareAddress,
            MaximumTransmissionUnit = link.MaximumTransmissionUnit,
            ForwardsIPv4 = forwarding.IsOnForIPv4(link.Index),
            ForwardsIPv6 = forwarding.IsOnForIPv6(link.Index),
            PeerNamespace = link.IsOfPair ? link.PeerNamespaceId : null,
            Vlan = link.Tag is { } tag && link.PeerNamespaceId is null ? new VlanPlace(link.PeerIndex, tag) : null,
        };

    private static bool IsVirtualRouter(NetworkLink link) => link.Kind == NetworkLink.VrfKind;

    /// <summary>Not by scope: an address of scope "host", as anycast addresses at lo often are, is answered from the network all the same.</summary>
    private static bool IsReachable(InterfaceAddress one) => !IPAddress.IsLoopback(one.Address);

    private static ImmutableArray<IPAddress> Sorted(IEnumerable<IPAddress> addresses) =>
        [.. addresses.Distinct().OrderBy(address => address.ToString(), StringComparer.Ordinal)];
}
