namespace Datapath.Policy.Rulesets;

/// <summary>The protocol numbers that have ports, or types and codes; all others are plain numbers (IANA, Protocol Numbers).</summary>
public static class IanaProtocol
{
    /// <summary>ICMP.</summary>
    public const int Icmp = 1;

    /// <summary>TCP.</summary>
    public const int Tcp = 6;

    /// <summary>UDP.</summary>
    public const int Udp = 17;

    /// <summary>ICMPv6, which rulesets write <c>icmp6</c> or <c>ipv6-icmp</c>.</summary>
    public const int IcmpV6 = 58;
}
