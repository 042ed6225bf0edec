using System.Collections.Immutable;
using System.Net.Sockets;
using Datapath.Interop.Netlink;

namespace Datapath.Backends.Host;

/// <summary>Which interfaces pass on what is not for the host: the kernel's own two ways to decide.</summary>
/// <param name="settings">Of all interfaces and both families.</param>
/// <param name="forcedForIPv6">Indexes of interfaces that pass on IPv6 whatever <c>all</c> says.</param>
internal sealed class ForwardingSettings(ImmutableArray<InterfaceForwarding> settings, IReadOnlySet<int> forcedForIPv6)
{
    private readonly HashSet<int> _ip4 = [.. settings.Where(one => one.Family == AddressFamily.InterNetwork && one.IsOn).Select(one => one.InterfaceIndex)];

    private readonly bool _ip6All = settings.Any(one =>
        one.Family == AddressFamily.InterNetworkV6 && one.InterfaceIndex == InterfaceForwarding.All && one.IsOn
    );

    /// <summary>IPv4 asks the interface alone (ip_route_input_slow of net/ipv4/route.c); <c>all</c> only sets every interface.</summary>
    /// <param name="interfaceIndex">The interface.</param>
    public bool IsOnForIPv4(int interfaceIndex) => _ip4.Contains(interfaceIndex);

    /// <summary>IPv6 asks <c>all</c>, and where that is off whether the interface is forced (ip6_forward of net/ipv6/ip6_output.c).</summary>
    /// <param name="interfaceIndex">The interface.</param>
    public bool IsOnForIPv6(int interfaceIndex) => _ip6All || forcedForIPv6.Contains(interfaceIndex);
}
