using Datapath.Policy.Rulesets;

namespace Datapath.Backends.Iptables.Lowering;

/// <summary>What differs between iptables and ip6tables.</summary>
/// <param name="IsIPv6">Which of the two.</param>
internal sealed record Family(bool IsIPv6)
{
    /// <summary>iptables.</summary>
    public static Family V4 { get; } = new(false);

    /// <summary>ip6tables.</summary>
    public static Family V6 { get; } = new(true);

    /// <summary>Both, in the order in which they are written.</summary>
    public static IReadOnlyList<Family> Both { get; } = [V4, V6];

    /// <summary>Width of an address in bits.</summary>
    public int AddressBits => IsIPv6 ? 128 : 32;

    /// <summary>The protocol number of its own ICMP.</summary>
    public int Icmp => IsIPv6 ? IanaProtocol.IcmpV6 : IanaProtocol.Icmp;

    /// <summary>The word for it in a set.</summary>
    public string SetFamily => IsIPv6 ? "inet6" : "inet";

    /// <summary>Matches of destinations that are the host's own; no packet has two of them.</summary>
    /// <remarks>
    /// Of several types IPv4 asks for one and IPv6 for multicast and one of the others (addrtype_mt6 of net/netfilter/xt_addrtype.c), so that
    /// multicast stands apart. Anycast: the kernel takes packets to the anycast addresses of its networks (RFC 4291, 2.6.1).
    /// </remarks>
    public IEnumerable<string> LocalDestinations =>
        IsIPv6 ? ["-m addrtype --dst-type LOCAL,ANYCAST ", "-d ff00::/8 "] : ["-m addrtype --dst-type LOCAL,BROADCAST,MULTICAST "];

    /// <summary>Matches a type of its ICMP, with one code when it is not null.</summary>
    public string IcmpType(int type, int? code) =>
        IsIPv6
            ? $"-p ipv6-icmp -m icmp6 --icmpv6-type {type}{(code is null ? "" : $"/{code}")} "
            : $"-p icmp -m icmp --icmp-type {type}{(code is null ? "" : $"/{code}")} ";
}
