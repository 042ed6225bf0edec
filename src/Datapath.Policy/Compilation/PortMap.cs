using System.Collections.Immutable;

namespace Datapath.Policy.Compilation;

/// <summary>Everything that stands behind <c>protocolPorts</c>, cut into ranges that no rule tells apart.</summary>
/// <param name="ClassCount">Number of port classes over all tables; at most 65,536.</param>
/// <param name="Tables">One list of ranges for each <see cref="PortTable"/>, in the order of that enumeration.</param>
public sealed record PortMap(int ClassCount, ImmutableArray<ImmutableArray<PortRun>> Tables);

/// <summary>A run of keys of one table that share a port class; it ends where the next one starts.</summary>
/// <param name="First">The first key: a port, <c>type &lt;&lt; 8 | code</c>, or a protocol number.</param>
/// <param name="Class">The port class.</param>
public readonly record struct PortRun(ushort First, ushort Class);

/// <summary>What a port key means. The numbers are those of <c>enum dp_port_table</c> in <c>bpf/include/dp_abi.h</c>.</summary>
public enum PortTable
{
    /// <summary>TCP destination ports, 0 to 65535.</summary>
    Tcp = 0,

    /// <summary>UDP destination ports, 0 to 65535.</summary>
    Udp = 1,

    /// <summary>ICMP, <c>type &lt;&lt; 8 | code</c>.</summary>
    Icmp = 2,

    /// <summary>ICMPv6 that may have crossed a router, <c>type &lt;&lt; 8 | code</c>.</summary>
    Icmp6 = 3,

    /// <summary>ICMPv6 with hop limit 255, which no router has forwarded (RFC 4861, section 6.1.1).</summary>
    Icmp6OnLink = 4,

    /// <summary>Every other protocol: the key is the protocol number, 0 to 255.</summary>
    Other = 5,
}
