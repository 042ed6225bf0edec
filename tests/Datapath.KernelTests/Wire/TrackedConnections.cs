using Datapath.Policy.Inventory;
using Datapath.Shared.Oracle;
using Datapath.Shared.Sequences;

namespace Datapath.KernelTests.Wire;

/// <summary>
/// Which connections the chains ought to have marked as opened under policy, derived from what the oracle lets pass and from which packets the
/// kernel's connection tracking begins a connection with. Knows nothing of chains. Only of what has ports or an identifier.
/// </summary>
internal sealed class TrackedConnections
{
    // By connection, whether a packet of its opener was allowed to open it.
    private readonly Dictionary<Connection, bool> _isOpened = [];
    private readonly HashSet<Connection> _mayBeGone = [];
    private readonly Dictionary<Connection, Closing> _closing = [];

    /// <summary>What is wrong with what the kernel says of a packet; null when nothing is.</summary>
    /// <param name="zone">Of which memory.</param>
    /// <param name="packet">The packet.</param>
    /// <param name="tracked">See <see cref="WireDriver.Tracked"/>.</param>
    public string? WrongMark(int zone, WirePacket packet, char tracked)
    {
        if (Connection.Of(zone, packet) is not { } connection)
        {
            return null;
        }
        bool isOpened = _isOpened.GetValueOrDefault(connection);
        return tracked switch
        {
            'M' or 'O' or 'A' when !isOpened => "its connection has our mark, and nobody opened it",
            'B' when isOpened => "its connection was opened, and has no mark of ours",
            _ => null,
        };
    }

    /// <summary>Whether the kernel may hold a packet for the first of a connection.</summary>
    /// <param name="zone">Of which memory.</param>
    /// <param name="packet">The packet.</param>
    public bool MayBegin(int zone, WirePacket packet) =>
        Connection.Of(zone, packet) is not { } connection || !_isOpened.ContainsKey(connection) || _mayBeGone.Contains(connection);

    /// <summary>Whether the connection of a packet was opened under policy, now or once.</summary>
    /// <param name="zone">Of which memory.</param>
    /// <param name="packet">The packet.</param>
    public bool WasOpened(int zone, WirePacket packet) => Connection.Of(zone, packet) is { } connection && _isOpened.GetValueOrDefault(connection);

    /// <summary>Whether both sides had closed the connection of a packet when a SYN came that the kernel ignored.</summary>
    /// <param name="zone">Of which memory.</param>
    /// <param name="packet">The packet.</param>
    public bool IgnoredSyn(int zone, WirePacket packet) => Connection.Of(zone, packet) is { } connection && _closing.GetValueOrDefault(connection).HasFlag(Closing.SynIgnored);

    /// <summary>A packet is through, or was dropped.</summary>
    /// <param name="zone">Of which memory.</param>
    /// <param name="packet">The packet.</param>
    /// <param name="tracked">See <see cref="WireDriver.Tracked"/>.</param>
    /// <param name="opens">Whether a judge let it open a flow.</param>
    /// <param name="passes">Whether it passed all judges.</param>
    public void Follow(int zone, WirePacket packet, char tracked, bool opens, bool passes)
    {
        if (Connection.Of(zone, packet) is not { } connection)
        {
            return;
        }
        if (packet.Flags.HasFlag(TcpFlags.Rst))
        {
            // Before there is an answer it ends a connection at once (nf_conntrack_tcp_packet of net/netfilter/nf_conntrack_proto_tcp.c).
            _mayBeGone.Add(connection);
        }
        FollowEnd(connection, packet, tracked);
        switch (tracked)
        {
            case 'N' when !passes:
                // What is dropped at its beginning never was.
                _isOpened.Remove(connection);
                break;
            case 'N':
                _isOpened[connection] = opens;
                if (!packet.Flags.HasFlag(TcpFlags.Rst))
                {
                    _mayBeGone.Remove(connection);
                }
                break;
            case 'M' or 'P' or 'Q' when opens:
                _isOpened[connection] = true;
                break;
            default:
                break;
        }
    }

    // When both have said FIN, the kernel waits for the last ACK and ignores a SYN; after that ACK the next SYN is another connection's.
    private void FollowEnd(Connection connection, WirePacket packet, char tracked)
    {
        Closing closing = tracked == 'N' ? Closing.No : _closing.GetValueOrDefault(connection);
        if (packet.Flags.HasFlag(TcpFlags.Fin))
        {
            closing |= Seen.Of(packet).Sender == connection.One ? Closing.ByOne : Closing.ByOther;
        }
        if (Seen.Of(packet).IsOpeningSyn && closing.HasFlag(Closing.ByOne | Closing.ByOther))
        {
            closing |= Closing.SynIgnored;
        }
        _closing[connection] = closing;
    }

    [Flags]
    private enum Closing
    {
        No = 0,
        ByOne = 1,
        ByOther = 2,
        SynIgnored = 4,
    }

    /// <summary>A connection as the kernel keys it.</summary>
    private readonly record struct Connection(int Zone, int Protocol, (AddressKey, ushort) One, (AddressKey, ushort) Other, int Code)
    {
        /// <summary>Null for what the kernel keys otherwise, or not at all.</summary>
        public static Connection? Of(int zone, WirePacket packet)
        {
            var seen = Seen.Of(packet);
            if (packet.IsEcho)
            {
                // Two that ask each other are two connections, and the code is part of the key.
                bool asks = packet.IcmpKind >> 8 is 8 or 128;
                return new Connection(zone, packet.Protocol, asks ? seen.Sender : seen.Receiver, asks ? seen.Receiver : seen.Sender, packet.IcmpKind & 0xff);
            }
            if (packet.Protocol is not (ProtocolNumber.Tcp or ProtocolNumber.Udp))
            {
                return null;
            }
            bool isInOrder = (seen.Source.Value, seen.SourcePort).CompareTo((seen.Destination.Value, seen.DestinationPort)) < 0;
            return new Connection(zone, packet.Protocol, isInOrder ? seen.Sender : seen.Receiver, isInOrder ? seen.Receiver : seen.Sender, 0);
        }
    }
}
