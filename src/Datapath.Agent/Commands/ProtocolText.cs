namespace Datapath.Agent.Commands;

/// <summary>Protocols and ports as people write them.</summary>
internal static class ProtocolText
{
    /// <summary>Such as <c>tcp</c>; the number of a protocol that is rare.</summary>
    /// <param name="protocol">IP protocol number.</param>
    public static string Of(int protocol) =>
        protocol switch
        {
            1 => "icmp",
            6 => "tcp",
            17 => "udp",
            58 => "icmp6",
            132 => "sctp",
            _ => protocol.ToString(System.Globalization.CultureInfo.InvariantCulture),
        };

    /// <summary>Such as <c>tcp/443</c>; the number of a protocol that has no ports.</summary>
    /// <param name="protocol">IP protocol number.</param>
    /// <param name="port">The destination port.</param>
    public static string Of(int protocol, int port) =>
        protocol switch
        {
            1 or 58 => $"icmp/{port >> 8}/{port & 0xff}",
            6 => $"tcp/{port}",
            17 => $"udp/{port}",
            132 => $"sctp/{port}",
            _ => $"protocol {protocol}",
        };
}
