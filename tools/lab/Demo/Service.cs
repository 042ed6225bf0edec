using System.Globalization;
using System.Net.Sockets;

namespace Datapath.Lab.Demo;

/// <summary>What is tried: a protocol with its port, or an ICMP type and code, as rulesets write them.</summary>
/// <param name="Text">As written, such as <c>tcp/443</c> or <c>icmp/8/0</c>.</param>
/// <param name="Protocol">TCP, UDP, ICMP or ICMPv6.</param>
/// <param name="Port">Destination port; the type for ICMP.</param>
/// <param name="Code">ICMP code; 0 for the others.</param>
internal sealed record Service(string Text, ProtocolType Protocol, ushort Port, byte Code)
{
    /// <summary>Reads the form of <see cref="Text"/>.</summary>
    /// <param name="text">The text.</param>
    /// <exception cref="FormatException">The text is no such form.</exception>
    public static Service Parse(string text)
    {
        var parts = text.Split('/');
        return (parts[0], parts.Length) switch
        {
            ("tcp", 2) => new(text, ProtocolType.Tcp, Port: Number(parts[1]), Code: 0),
            ("udp", 2) => new(text, ProtocolType.Udp, Port: Number(parts[1]), Code: 0),
            // An echo server is a kernel: the lab makes no other ICMP.
            _ when text == "icmp/8/0" => new(text, ProtocolType.Icmp, Port: 8, Code: 0),
            _ when text == "icmp/128/0" => new(text, ProtocolType.IcmpV6, Port: 128, Code: 0),
            _ => throw new FormatException($"'{text}' is none of tcp/N, udp/N, icmp/8/0, icmp/128/0"),
        };
    }

    private static ushort Number(string text) => ushort.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
}
