using System.Net;

namespace Datapath.Interop.Netlink;

/// <summary>A route by which the host takes packets itself.</summary>
/// <param name="Destination">Which packets.</param>
/// <param name="Kind">What they are for it.</param>
/// <param name="Table">The routing table, from 1; 255 is the one that every host has for this.</param>
public sealed record NetworkRoute(IPNetwork Destination, RouteKind Kind, uint Table);

/// <summary>What the kernel does with the packets of a route; the kinds by which the host takes them.</summary>
/// <remarks>RTN_* of linux/rtnetlink.h.</remarks>
public enum RouteKind
{
    /// <summary>An address, or a whole prefix, of its own.</summary>
    Local = 2,

    /// <summary>A broadcast address of IPv4.</summary>
    Broadcast = 3,

    /// <summary>An address that it shares with others, such as the one of all routers of an IPv6 subnet.</summary>
    Anycast = 4,
}
