using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Datapath.Policy.Rulesets;

namespace Datapath.Backends.Probing;

/// <summary>An ICMP or ICMPv6 echo and its reply (RFC 792, RFC 4443).</summary>
internal static class EchoExchange
{
    private const int HeaderBytes = 8;
    private const int PayloadBytes = 16;
    private const int LongestPacket = 256;
    private const byte Request = 8;
    private const byte Reply = 0;
    private const byte Request6 = 128;
    private const byte Reply6 = 129;

    /// <summary>Sends it and waits for the reply.</summary>
    /// <param name="socket">Raw, bound.</param>
    /// <param name="source">Where to.</param>
    /// <param name="target">Whom to reach.</param>
    /// <param name="patience">How long to wait.</param>
    public static ProbeExchange Run(Socket socket, IPEndPoint source, IPEndPoint target, TimeSpan patience)
    {
        bool isIPv6 = target.AddressFamily == AddressFamily.InterNetworkV6;
        ushort identifier = (ushort)RandomNumberGenerator.GetInt32(1, ushort.MaxValue + 1);
        byte[] request = new byte[HeaderBytes + PayloadBytes];
        request[0] = isIPv6 ? Request6 : Request;
        BinaryPrimitives.WriteUInt16BigEndian(request.AsSpan(4), identifier);
        BinaryPrimitives.WriteUInt16BigEndian(request.AsSpan(6), 1);
        RandomNumberGenerator.Fill(request.AsSpan(HeaderBytes));
        if (!isIPv6)
        {
            // That of ICMPv6 covers the addresses, and is the kernel's.
            BinaryPrimitives.WriteUInt16BigEndian(request.AsSpan(2), Checksum(request));
        }

        SentProbe sent = new((byte)(isIPv6 ? IanaProtocol.IcmpV6 : IanaProtocol.Icmp), new IPEndPoint(source.Address, identifier), new IPEndPoint(target.Address, identifier));
        using CancellationTokenSource limit = new(patience);
        long start = TimeProvider.System.GetTimestamp();
        try
        {
            socket.SendTo(request, new IPEndPoint(target.Address, 0));
            byte[] packet = new byte[LongestPacket];
            while (true)
            {
                int length = socket.ReceiveAsync(packet, limit.Token).AsTask().GetAwaiter().GetResult();
                if (IsReply(packet.AsSpan(0, length), request, isIPv6))
                {
                    return new ProbeExchange(sent, ProbeOutcome.Answered, TimeProvider.System.GetElapsedTime(start), null);
                }
            }
        }
        catch (OperationCanceledException)
        {
            return new ProbeExchange(sent, ProbeOutcome.Silent, null, null);
        }
        catch (SocketException refusal)
        {
            return new ProbeExchange(sent, ProbeOutcome.Unreachable, null, refusal.Message);
        }
    }

    // Its own words tell: a translator on the way may have changed identifier and addresses and changed them back. IPv4 comes with its header.
    private static bool IsReply(ReadOnlySpan<byte> packet, ReadOnlySpan<byte> request, bool isIPv6)
    {
        ReadOnlySpan<byte> message = isIPv6 || packet.IsEmpty ? packet : packet[Math.Min(packet.Length, (packet[0] & 0xf) * 4)..];
        return message.Length == request.Length && message[0] == (isIPv6 ? Reply6 : Reply) && message[4..].SequenceEqual(request[4..]);
    }

    // RFC 1071.
    private static ushort Checksum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (int i = 0; i < bytes.Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        }

        sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~(sum + (sum >> 16));
    }
}
