using System.Net.Sockets;

namespace Datapath.Interop.Netlink;

/// <summary>Whether an interface passes on packets that are not for this host.</summary>
/// <param name="Family">IPv4 or IPv6.</param>
/// <param name="InterfaceIndex">The interface, or <see cref="All"/>.</param>
/// <param name="IsOn">The sysctl <c>forwarding</c>. For IPv6 that of one interface says only whether it behaves like a router's.</param>
/// <param name="IsForced">IPv6 from Linux 6.17 on: the sysctl <c>force_forwarding</c>, which needs no other.</param>
/// <remarks>Documentation/networking/ip-sysctl.rst of the kernel; the decisions fall in ip_route_input_slow and ip6_forward.</remarks>
public sealed record InterfaceForwarding(AddressFamily Family, int InterfaceIndex, bool IsOn, bool IsForced)
{
    /// <summary>The setting <c>all</c> of the namespace.</summary>
    public const int All = -1;
}
