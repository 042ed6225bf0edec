using Datapath.Shared.Oracle;
using Datapath.Shared.Sequences;

namespace Datapath.KernelTests.Wire;

/// <summary>
/// Where connection tracking and the oracle part: a packet of a flow that the kernel holds for none of it, for reasons that no chain can
/// mend. Each is named in decision 0020 and shown by <see cref="AcceptedDifferenceTests"/>; what is not named here is a fault.
/// </summary>
internal static class Parting
{
    /// <summary>The kernel reads ports, verification tags and states where policy knows only the protocol (DCCP, SCTP, UDP-Lite).</summary>
    public const string OtherPorts = "a protocol in which only the kernel reads ports";

    /// <summary>An echo reply that nobody asked for, or not with its code.</summary>
    public const string UnaskedReply = "an echo reply that answers nothing";

    /// <summary>A SYN in a connection that the kernel had taken up in the middle: one judge lets it open there, and the next drops it.</summary>
    public const string OpenToOneJudge = "a SYN that one judge let open in the middle, and another dropped";

    private const string NeverBegan = "of a flow whose beginning another judge dropped";
    private const string Invalid = "TCP that the kernel calls invalid";
    private const string Crossing = "two pings that cross";
    private const string Taken = "an answer in a connection that began otherwise";
    private const string IgnoredSyn = "of a flow whose SYN the kernel ignored, because both sides had closed the connection";
    private const string OthersSyn = "a SYN in a connection that the other side began";
    private const string Unidentified = "ICMP without an identifier whose opener was revoked";
    private const string RevokedElsewhere = "an error about a flow that another judge has revoked";
    private const string NoError = "an error about what the kernel does not know";

    /// <summary>Why the kernel and the oracle part at a packet; null when they do not, or must not.</summary>
    /// <param name="turn">The packet, and what the oracle says of it.</param>
    /// <param name="zone">Of which memory.</param>
    /// <param name="tracked">What the kernel says: see <see cref="WireDriver.Tracked"/>.</param>
    /// <param name="connections">What is known of connections before it.</param>
    public static string? Of(WireTurn turn, int zone, char tracked, TrackedConnections connections)
    {
        WirePacket packet = turn.Step.Packet;
        return turn.Expected.Rulings.Any(ruling => Parts(ruling, packet, tracked)) ? Named(packet, zone, tracked, connections) : null;
    }

    private static bool Parts(Ruling ruling, WirePacket packet, char tracked) =>
        ruling.Why switch
        {
            "answer" or "answer to a revoked opener" => tracked != 'A',
            "error about a flow" => tracked != 'R',
            // ICMP without an identifier belongs to no flow: nothing answers it.
            "opens" or "opens again" => (!packet.IsIcmp || packet.IsEcho) && tracked is not ('N' or 'M' or 'P' or 'O' or 'Q'),
            "of a flow, by its own right" => (!packet.IsIcmp || packet.IsEcho) && tracked == 'N',
            "opener revoked" => tracked is not ('M' or 'P' or 'O' or 'Q'),
            _ => false,
        };

    private static string? Named(WirePacket packet, int zone, char tracked, TrackedConnections connections) =>
        (packet.Protocol, tracked) switch
        {
            (33 or 132 or 136, _) => OtherPorts,
            (_, 'S') => RevokedElsewhere,
            _ when packet.About is not null => NoError,
            _ when packet.IsIcmp && !packet.IsEcho => Unidentified,
            (_, 'I') when packet.IsEcho => UnaskedReply,
            (_, 'N') when packet.IsEcho && connections.MayBegin(zone, packet) => Crossing,
            (_, 'N') when connections.MayBegin(zone, packet) => NeverBegan,
            (ProtocolNumber.Tcp, 'N') when connections.IgnoredSyn(zone, packet) => IgnoredSyn,
            (ProtocolNumber.Tcp, 'I') => Invalid,
            (ProtocolNumber.Tcp, 'A' or 'B') when Seen.Of(packet).IsOpeningSyn => OthersSyn,
            (_, 'B') => Taken,
            _ => null,
        };
}
