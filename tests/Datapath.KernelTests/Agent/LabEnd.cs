using System.Net;
using System.Net.Sockets;
using Datapath.Lab.Networks;

namespace Datapath.KernelTests.Agent;

/// <summary>One end of an attempt: a host and its addresses.</summary>
/// <param name="Host">The host.</param>
/// <param name="IPv4">Its IPv4 address.</param>
/// <param name="IPv6">Its IPv6 address.</param>
internal sealed record LabEnd(LabHost Host, IPAddress IPv4, IPAddress IPv6)
{
    /// <summary>Its address of a family.</summary>
    public IPAddress Of(AddressFamily family) => family == AddressFamily.InterNetwork ? IPv4 : IPv6;
}
