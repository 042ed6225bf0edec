using System.Collections.Immutable;

namespace Datapath.Interop.Netlink;

/// <summary>The interfaces and addresses of the calling thread's network namespace.</summary>
public static class Rtnetlink
{
    // struct ifinfomsg is the longer of the two questions' fixed parts; zeros mean: everything.
    private static readonly byte[] LinkQuestion = new byte[16];
    private static readonly byte[] AddressQuestion = new byte[8];

    /// <summary>All interfaces, by rising index.</summary>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public static ImmutableArray<NetworkLink> Links()
    {
        var links = new List<NetworkLink>();
        using var socket = new NetlinkSocket();
        socket.Dump(NetlinkMessageType.GetLink, LinkQuestion, links.Clear, message => Add(links, RouteMessages.Link(message)));
        return [.. links.OrderBy(link => link.Index)];
    }

    /// <summary>All addresses of both families, in the kernel's order.</summary>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public static ImmutableArray<InterfaceAddress> Addresses()
    {
        var addresses = new List<InterfaceAddress>();
        using var socket = new NetlinkSocket();
        socket.Dump(
            NetlinkMessageType.GetAddress,
            AddressQuestion,
            addresses.Clear,
            message => Add(addresses, RouteMessages.Address(message)));
        return [.. addresses];
    }

    private static void Add<T>(List<T> rows, T? row)
        where T : class
    {
        if (row is not null)
        {
            rows.Add(row);
        }
    }
}
