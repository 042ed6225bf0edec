using System.Net;

namespace Datapath.Interop.Netlink;

/// <summary>A socket that takes what comes to a port: a TCP socket that listens, or a UDP socket.</summary>
/// <param name="Protocol">IP protocol number: 6 or 17.</param>
/// <param name="Local">Its own end; the address is any for one that takes what comes to every address. An IPv4 address is never a mapped one.</param>
/// <param name="IsForIPv6Only">Whether one with the address any of IPv6 leaves IPv4 alone.</param>
/// <param name="CgroupId">The cgroup that it was made in; 0 where the kernel does not tell (before 5.9).</param>
public sealed record BoundSocket(byte Protocol, IPEndPoint Local, bool IsForIPv6Only, ulong CgroupId);
