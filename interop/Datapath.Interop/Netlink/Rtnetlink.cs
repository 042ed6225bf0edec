using System.Collections.Immutable;
using Datapath.Interop.Libc;

namespace Datapath.Interop.Netlink;

/// <summary>The interfaces, addresses and routes to itself of the calling thread's network namespace.</summary>
public static class Rtnetlink
{
    // struct ifinfomsg is the longer of the two questions' fixed parts; zeros mean: everything.
    private static readonly byte[] LinkQuestion = new byte[16];
    private static readonly byte[] AddressQuestion = new byte[8];
    private static readonly byte[] RuleQuestion = new byte[12];

    private static readonly byte[] Families = [RoutingMessages.FamilyInet, RoutingMessages.FamilyInet6];

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

    /// <summary>The routes of all tables and both families by which this host takes packets itself, in the kernel's order.</summary>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public static ImmutableArray<NetworkRoute> LocalRoutes()
    {
        // A router may have a million routes to others: the kernel leaves them out.
        using var socket = new NetlinkSocket(isStrict: true);
        return
        [
            .. from family in Families
               from kind in Enum.GetValues<RouteKind>()
               from route in LocalRoutes(socket, family, kind)
               select route,
        ];
    }

    /// <summary>The rules of both families that choose a routing table, in the kernel's order.</summary>
    /// <exception cref="KernelException">The kernel refused; without rules (CONFIG_IP_MULTIPLE_TABLES) the list is empty.</exception>
    public static ImmutableArray<RoutingRule> Rules()
    {
        using var socket = new NetlinkSocket();
        return [.. DumpIfKnown<RoutingRule>(socket, NetlinkMessageType.GetRule, RuleQuestion, RoutingMessages.Rule)];
    }

    /// <summary>Where packets that are not for this host are passed on, both families.</summary>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public static ImmutableArray<InterfaceForwarding> Forwarding()
    {
        using var socket = new NetlinkSocket();
        return
        [
            .. from family in Families
               from setting in DumpIfKnown<InterfaceForwarding>(
                   socket,
                   NetlinkMessageType.GetInterfaceSettings,
                   [family, 0, 0, 0],
                   RoutingMessages.Forwarding)
               select setting,
        ];
    }

    /// <summary>This namespace's number for another one; the kernel gives one to whatever is at the other end of an interface.</summary>
    /// <param name="other">The other one.</param>
    /// <returns>Null when it has none here.</returns>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public static int? NamespaceIdOf(NetworkNamespace other)
    {
        ArgumentNullException.ThrowIfNull(other);
        using var socket = new NetlinkSocket();
        using FileDescriptor.Lease descriptor = other.Descriptor.Borrow();
        int id = -1;
        socket.Ask(
            NetlinkMessageType.GetNamespaceId,
            RouteMessages.NamespaceQuestion(descriptor.Number),
            message => id = RouteMessages.NamespaceId(message) ?? id);
        return id < 0 ? null : id;
    }

    private delegate T? RowReader<T>(NetlinkMessage message);

    // Nothing where the kernel was built without the thing, or a family is switched off.
    private static List<T> DumpIfKnown<T>(NetlinkSocket socket, NetlinkMessageType type, byte[] question, RowReader<T> read)
        where T : class
    {
        var rows = new List<T>();
        try
        {
            socket.Dump(type, question, rows.Clear, message => Add(rows, read(message)));
        }
        catch (KernelException refusal) when (refusal.Number == Errno.NotSupported)
        {
            rows.Clear();
        }

        return rows;
    }

    private static List<NetworkRoute> LocalRoutes(NetlinkSocket socket, byte family, RouteKind kind)
    {
        var routes = new List<NetworkRoute>();
        var question = new byte[12];
        question[0] = family;
        question[RoutingMessages.RouteKindAt] = (byte)kind;
        socket.Dump(NetlinkMessageType.GetRoute, question, routes.Clear, message => Add(routes, RoutingMessages.LocalRoute(message)));
        return routes;
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
