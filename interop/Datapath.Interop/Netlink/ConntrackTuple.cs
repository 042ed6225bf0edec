using System.Net;

namespace Datapath.Interop.Netlink;

/// <summary>One direction of a tracked connection.</summary>
/// <param name="Source">Sender of this direction.</param>
/// <param name="Destination">Receiver of this direction.</param>
/// <param name="Protocol">IANA protocol number.</param>
/// <param name="SourcePort">0 where there is none.</param>
/// <param name="DestinationPort">0 where there is none.</param>
/// <param name="IcmpTypeAndCode">Type in the upper and code in the lower byte; 0 for other protocols.</param>
public sealed record ConntrackTuple(
    IPAddress Source,
    IPAddress Destination,
    byte Protocol,
    ushort SourcePort,
    ushort DestinationPort,
    ushort IcmpTypeAndCode
)
{
    /// <summary>Identifier of an ICMP echo; 0 for others.</summary>
    public ushort EchoIdentifier { get; init; }
}
