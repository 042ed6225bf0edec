using System.Net;
using Datapath.Policy.Rulesets;

namespace Datapath.Backends.Probing;

/// <summary>The packet that opens a probe, by what the headers of any packet tell.</summary>
/// <param name="Protocol">IANA protocol number.</param>
/// <param name="Source">Address and port; the port of an echo is its identifier.</param>
/// <param name="Destination">The same.</param>
internal sealed record SentProbe(byte Protocol, IPEndPoint Source, IPEndPoint Destination)
{
    private const int EchoRequest = 8 << 8;
    private const int EchoRequest6 = 128 << 8;

    /// <summary>Whether it is an echo.</summary>
    public bool IsEcho => Protocol is IanaProtocol.Icmp or IanaProtocol.IcmpV6;

    /// <summary>What a packet opens; null when it opens nothing that we send. Any bytes are survived.</summary>
    /// <param name="packet">From its IP header on.</param>
    public static SentProbe? Read(ReadOnlySpan<byte> packet)
    {
        if (PacketHeaders.Read(packet) is not { } headers)
        {
            return null;
        }

        bool isEcho = headers is { Protocol: IanaProtocol.Icmp, DestinationKey: EchoRequest } or { Protocol: IanaProtocol.IcmpV6, DestinationKey: EchoRequest6 };
        return isEcho || headers.IsSyn
            ? new SentProbe(
                headers.Protocol,
                new IPEndPoint(headers.Source, headers.SourcePort),
                new IPEndPoint(headers.Destination, isEcho ? headers.SourcePort : headers.DestinationKey)
            )
            : null;
    }
}
