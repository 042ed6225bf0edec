using System.Net.Sockets;

namespace Datapath.Interop.Netlink;

/// <summary>Whether an interface passes on packets that are not for this host.</summary>
/// <param name="Family">IPv4 or IPv6.</param>
/// <param name="InterfaceIndex">The interface, or <see cref="All"/>.</param>
/// <param name="IsOn">The sysctl <c>forwarding</c>. For IPv6 that of one interface says only whether it behaves like a router's.</param>
/// <remarks>Documentation/networking/ip-sysctl.rst of the kernel; the decisions fall in ip_route_input_slow and ip6_forward.</remarks>
public sealed record InterfaceForwarding(AddressFamily Family, int InterfaceIndex, bool IsOn)
{
    /// <summary>The setting <c>all</c> of the namespace.</summary>
    public const int All = -1;

    private const string Settings = "/proc/sys/net/ipv6/conf";
    private const string Force = "force_forwarding";

    /// <summary>
    /// Those of some interfaces that pass on IPv6 packets though the setting <c>all</c> is off: from Linux 6.17 on. The kernel's messages do
    /// not tell it.
    /// </summary>
    /// <param name="links">Interfaces of the network namespace of the calling thread.</param>
    /// <returns>Their indexes.</returns>
    public static IReadOnlySet<int> ForcedForIPv6(IEnumerable<NetworkLink> links) =>
        File.Exists(Path.Combine(Settings, "all", Force)) ? links.Where(IsForced).Select(link => link.Index).ToHashSet() : new HashSet<int>();

    private static bool IsForced(NetworkLink link)
    {
        try
        {
            return File.ReadAllText(Path.Combine(Settings, link.Name, Force)).Trim() != "0";
        }
        catch (IOException)
        {
            // The interface went away, or has no IPv6.
            return false;
        }
    }
}
