using System.Buffers.Binary;
using System.Net.Sockets;

namespace Datapath.KernelTests.Sockets;

/// <summary>What the kernel says of a TCP connection.</summary>
/// <remarks><c>struct tcp_info</c> of linux/tcp.h, which only ever grows at its end.</remarks>
/// <param name="HasTimestamps">Whether both ends agreed on timestamps (RFC 7323).</param>
/// <param name="HasSelectiveAcknowledgment">Whether both ends agreed on SACK (RFC 2018).</param>
/// <param name="PathMtu">Largest packet of the path in bytes, as far as known.</param>
/// <param name="TotalRetransmitted">Segments that this end sent again.</param>
/// <param name="ArrivedTwice">Those of them whose first copy had arrived too, as the other end said (RFC 2883): late, not lost.</param>
internal sealed record TcpInfo(bool HasTimestamps, bool HasSelectiveAcknowledgment, uint PathMtu, uint TotalRetransmitted, uint ArrivedTwice)
{
    private const int Level = 6;
    private const int Option = 11;
    private const int Bytes = 220;
    private const int OptionsOffset = 5;
    private const int PathMtuOffset = 60;
    private const int TotalRetransmittedOffset = 100;
    private const int ArrivedTwiceOffset = 216; // tcpi_dsack_dups, since 4.19
    private const byte Timestamps = 1;
    private const byte SelectiveAcknowledgment = 2;

    /// <summary>Asks.</summary>
    public static TcpInfo Of(Socket socket)
    {
        var bytes = new byte[Bytes];
        socket.GetRawSocketOption(Level, Option, bytes);
        byte options = bytes[OptionsOffset];
        return new TcpInfo(
            (options & Timestamps) != 0,
            (options & SelectiveAcknowledgment) != 0,
            BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(PathMtuOffset)),
            BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(TotalRetransmittedOffset)),
            BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(ArrivedTwiceOffset))
        );
    }
}
