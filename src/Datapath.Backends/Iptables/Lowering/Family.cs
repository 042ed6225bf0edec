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

    /// <summary>The word for its own ICMP.</summary>
    public string IcmpName => IsIPv6 ? "ipv6-icmp" : "icmp";

    /// <summary>The types of its ICMP that quote a packet which did not arrive (RFC 792, RFC 4443); redirects are none.</summary>
    public IReadOnlyList<int> IcmpErrors => IsIPv6 ? [1, 2, 3, 4] : [3, 11, 12];

    /// <summary>The type of its ICMP that asks whether somebody is there.</summary>
    public int EchoRequest => IsIPv6 ? 128 : 8;

    /// <summary>The type that answers.</summary>
    public int EchoReply => IsIPv6 ? 129 : 0;

    /// <summary>Matches its ICMP but for echo replies.</summary>
    public string IsNoEchoReply => IsIPv6 ? $"-p ipv6-icmp -m icmp6 ! --icmpv6-type {EchoReply} " : $"-p icmp -m icmp ! --icmp-type {EchoReply} ";

    /// <summary>Matches a type of its ICMP, with one code when it is not null.</summary>
    public string IcmpType(int type, int? code) =>
        IsIPv6
            ? $"-p ipv6-icmp -m icmp6 --icmpv6-type {type}{(code is null ? "" : $"/{code}")} "
            : $"-p icmp -m icmp --icmp-type {type}{(code is null ? "" : $"/{code}")} ";
}
