using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Datapath.Lab.Networks;

namespace Datapath.Lab.Probes;

/// <summary>An ICMP or ICMPv6 echo request and its reply.</summary>
/// <remarks>A raw socket, because ping sockets are closed to everybody in a new namespace (sysctl <c>net.ipv4.ping_group_range</c>).</remarks>
/// <param name="From">The host that tries.</param>
/// <param name="Source">The address that it uses.</param>
/// <param name="Destination">The address that it tries.</param>
/// <param name="Patience">How long it waits for the reply.</param>
public sealed record PingProbe(LabHost From, IPAddress Source, IPAddress Destination, TimeSpan Patience)
    : Probe(From, Source, Destination, Patience)
{
    private const int HeaderBytes = 8;
    private const int LongestPacketBytes = 128;
    private const byte EchoRequest = 8;
    private const byte EchoReply = 0;
    private const byte EchoRequest6 = 128;
    private const byte EchoReply6 = 129;

    private readonly ushort _identifier = (ushort)RandomNumberGenerator.GetInt32(1, ushort.MaxValue + 1);

    private bool IsIp6 => Source.AddressFamily == AddressFamily.InterNetworkV6;

    /// <inheritdoc />
    protected override Socket OpenSocket()
    {
        var socket = new Socket(Source.AddressFamily, SocketType.Raw, IsIp6 ? ProtocolType.IcmpV6 : ProtocolType.Icmp);
        socket.Bind(new IPEndPoint(Source, port: 0));
        socket.Connect(new IPEndPoint(Destination, port: 0));
        return socket;
    }

    /// <inheritdoc />
    protected override ushort SourcePortOf(Socket socket) => _identifier;

    /// <inheritdoc />
    protected override async Task ExchangeAsync(Socket socket, CancellationToken cancellation)
    {
        await socket.SendAsync(Request(), cancellation);
        var packet = new byte[LongestPacketBytes];
        while (true)
        {
            var count = await socket.ReceiveAsync(packet, cancellation);
            if (IsReply(packet.AsSpan(0, count)))
            {
                return;
            }
        }
    }

    private byte[] Request()
    {
        var message = new byte[HeaderBytes + Payload.Length];
        message[0] = IsIp6 ? EchoRequest6 : EchoRequest;
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(4), _identifier);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(6), 1);
        Payload.CopyTo(message, HeaderBytes);
        if (!IsIp6)
        {
            // The kernel fills in only the checksum of ICMPv6, which covers addresses (RFC 3542, 3.1).
            BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), Checksum(message));
        }

        return message;
    }

    private bool IsReply(ReadOnlySpan<byte> packet)
    {
        // A raw IPv4 socket receives the IP header too; its first byte says how many 32-bit words it has.
        var message = IsIp6 ? packet : packet[((packet[0] & 0x0f) * 4)..];
        return message.Length == HeaderBytes + Payload.Length
            && message[0] == (IsIp6 ? EchoReply6 : EchoReply)
            && BinaryPrimitives.ReadUInt16BigEndian(message[4..]) == _identifier
            && message[HeaderBytes..].SequenceEqual(Payload);
    }

    // RFC 1071: the one's complement of the one's complement sum.
    private static ushort Checksum(ReadOnlySpan<byte> message)
    {
        uint sum = 0;
        for (var offset = 0; offset < message.Length; offset += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(message[offset..]);
        }

        while (sum > ushort.MaxValue)
        {
            sum = (sum & ushort.MaxValue) + (sum >> 16);
        }

        return (ushort)~sum;
    }
}
