using System.Buffers.Binary;
using System.Net.Sockets;

namespace Datapath.Lab.Probes;

/// <summary>ICMP and ICMPv6 echo messages as raw sockets send and receive them (RFC 792; RFC 4443, section 4).</summary>
public static class EchoMessage
{
    private const int HeaderBytes = 8;
    private const byte Request = 8;
    private const byte Reply = 0;
    private const byte Request6 = 128;
    private const byte Reply6 = 129;

    /// <summary>A message, ready to be sent.</summary>
    /// <param name="family">IPv4 or IPv6.</param>
    /// <param name="isReply">Reply or request.</param>
    /// <param name="identifier">What the two have in common.</param>
    /// <param name="payload">An even number of bytes.</param>
    public static byte[] Build(AddressFamily family, bool isReply, ushort identifier, ReadOnlySpan<byte> payload)
    {
        var message = new byte[HeaderBytes + payload.Length];
        message[0] = TypeOf(family, isReply);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(4), identifier);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(6), 1);
        payload.CopyTo(message.AsSpan(HeaderBytes));
        if (family == AddressFamily.InterNetwork)
        {
            // The kernel fills in only the checksum of ICMPv6, which covers addresses (RFC 3542, 3.1).
            BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), Checksum(message));
        }

        return message;
    }

    /// <summary>Whether a received packet is that message.</summary>
    /// <param name="packet">As a raw socket gives it: with the IP header for IPv4, without for IPv6.</param>
    /// <param name="family">IPv4 or IPv6.</param>
    /// <param name="isReply">Reply or request.</param>
    /// <param name="identifier">What the two have in common.</param>
    /// <param name="payload">What it carries.</param>
    public static bool IsIn(ReadOnlySpan<byte> packet, AddressFamily family, bool isReply, ushort identifier, ReadOnlySpan<byte> payload)
    {
        // The first byte of an IPv4 header says how many 32-bit words it has.
        var message = family == AddressFamily.InterNetworkV6 ? packet : packet[((packet[0] & 0x0f) * 4)..];
        return message.Length == HeaderBytes + payload.Length
            && message[0] == TypeOf(family, isReply)
            && BinaryPrimitives.ReadUInt16BigEndian(message[4..]) == identifier
            && message[HeaderBytes..].SequenceEqual(payload);
    }

    private static byte TypeOf(AddressFamily family, bool isReply) =>
        family == AddressFamily.InterNetworkV6 ? (isReply ? Reply6 : Request6) : isReply ? Reply : Request;

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
