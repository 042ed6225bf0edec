using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;

namespace Datapath.Lab.Demo;

/// <summary>The addresses that an endpoint of the example has, one of each family.</summary>
/// <param name="Ip4">The IPv4 address.</param>
/// <param name="Ip6">The IPv6 address.</param>
internal sealed record EndpointAddresses(IPAddress Ip4, IPAddress Ip6)
{
    /// <summary>The names of the expected table of <c>examples/three-tier</c>; its policy files know the same addresses.</summary>
    public static ImmutableDictionary<string, EndpointAddresses> ThreeTier { get; } =
        ImmutableDictionary<string, EndpointAddresses>
            .Empty.Add("router", Of("192.0.2.1", "2001:db8:c::1"))
            .Add("web", Of("10.0.1.2", "2001:db8:1::2"))
            .Add("db", Of("10.0.2.2", "2001:db8:2::2"))
            .Add("client", Of("192.0.2.10", "2001:db8:c::10"))
            .Add("guest", Of("192.0.2.66", "2001:db8:c:0:4000::66"))
            .Add("stranger", Of("192.0.2.200", "2001:db8:c:0:8000::200"));

    /// <summary>Reads a pair.</summary>
    /// <param name="ip4">The IPv4 address.</param>
    /// <param name="ip6">The IPv6 address.</param>
    public static EndpointAddresses Of(string ip4, string ip6) => new(IPAddress.Parse(ip4), IPAddress.Parse(ip6));

    /// <summary>The address of one family.</summary>
    /// <param name="family">IPv4 or IPv6.</param>
    public IPAddress Of(AddressFamily family) => family == AddressFamily.InterNetwork ? Ip4 : Ip6;
}
