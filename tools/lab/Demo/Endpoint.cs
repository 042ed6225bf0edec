using System.Net;
using System.Net.Sockets;
using Datapath.Lab.Networks;

namespace Datapath.Lab.Demo;

/// <summary>A name in the expected table: a host and the addresses that it uses under this name.</summary>
/// <param name="Host">The host.</param>
/// <param name="Ip4">Its IPv4 address.</param>
/// <param name="Ip6">Its IPv6 address.</param>
internal sealed record Endpoint(LabHost Host, IPAddress Ip4, IPAddress Ip6)
{
    /// <summary>The address of one family.</summary>
    /// <param name="family">IPv4 or IPv6.</param>
    public IPAddress Address(AddressFamily family) => family == AddressFamily.InterNetwork ? Ip4 : Ip6;
}
