using System.Net;

namespace Datapath.Interop.Netlink;

/// <summary>An address of an interface.</summary>
/// <param name="InterfaceIndex">The interface.</param>
/// <param name="Address">The interface's own address, not that of a peer.</param>
/// <param name="PrefixLength">Length of the network in bits.</param>
/// <param name="Scope">Where it is valid: 0 everywhere, 253 on the link, 254 on this host (RT_SCOPE_* of linux/rtnetlink.h).</param>
public sealed record InterfaceAddress(int InterfaceIndex, IPAddress Address, int PrefixLength, int Scope);
