using System.Buffers.Binary;
using System.Collections.Concurrent;
using Datapath.Flows;
using Datapath.Interop;
using Datapath.Interop.Libc;

namespace Datapath.Backends.Probing;

/// <summary>
/// Keeps the packets that a judge dropped, as they came in: a packet is seen before it is judged, and kept when the judge's report of its flow
/// comes after it. What the host itself sends and may not is dropped before any interface sees it.
/// </summary>
/// <param name="clock">The time of packets.</param>
public sealed class DropCapture(TimeProvider clock)
{
    private const int LongestPacket = 256;
    private const int MostWaiting = 20_000;

    // LINKTYPE_RAW of tcpdump.org: from the IP header on. 0xa1b2c3d4: microseconds.
    private const uint Magic = 0xa1b2c3d4;
    private const uint RawIp = 101;

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);

    // More than twice what the reader of reports sleeps at most, which is 200 ms.
    private static readonly TimeSpan ReportMayBeLate = TimeSpan.FromMilliseconds(500);

    private readonly Queue<(DateTimeOffset Time, PacketHeaders Headers, byte[] Bytes, int Length)> _waiting = new();
    private readonly ConcurrentDictionary<PacketHeaders, bool> _dropped = new();

    /// <summary>Packets that were kept.</summary>
    public int Kept { get; private set; }

    /// <summary>Flows that a judge dropped and of which no packet was seen.</summary>
    public int Unseen => _dropped.Count(one => !one.Value);

    /// <summary>A judge dropped a packet. Any thread.</summary>
    /// <param name="flow">Its report.</param>
    public void Dropped(FlowEvent flow)
    {
        ArgumentNullException.ThrowIfNull(flow);
        _dropped.TryAdd(new PacketHeaders(flow.Protocol, flow.Source, flow.SourcePort, flow.Destination, flow.DestinationKey, IsSyn: false), false);
    }

    /// <summary>Watches for a time, on the calling thread.</summary>
    /// <param name="time">How long.</param>
    /// <param name="file">Takes the packets in the format of libpcap.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <exception cref="BackendException">Not permitted.</exception>
    public void Run(TimeSpan time, Stream file, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(file);
        try
        {
            using var tap = PacketTap.Open(Look);
            WriteHead(file);
            byte[] buffer = new byte[65536];
            DateTimeOffset end = clock.GetUtcNow() + time;
            DateTimeOffset now;
            while ((now = clock.GetUtcNow()) < end + ReportMayBeLate && !cancellation.IsCancellationRequested)
            {
                int length = tap.Receive(buffer, out _, out bool isOutgoing);
                if (length > 0 && !isOutgoing && now < end && PacketHeaders.Read(buffer.AsSpan(0, length)) is { } headers)
                {
                    _waiting.Enqueue((now, headers with { IsSyn = false }, buffer.AsSpan(0, Math.Min(length, LongestPacket)).ToArray(), length));
                }

                Settle(file, now - ReportMayBeLate);
            }

            Settle(file, DateTimeOffset.MaxValue);
        }
        catch (KernelException refusal)
        {
            throw new BackendException(refusal.Message, refusal);
        }
    }

    private void Settle(Stream file, DateTimeOffset until)
    {
        while (_waiting.TryPeek(out var packet) && (packet.Time <= until || _waiting.Count > MostWaiting))
        {
            _waiting.Dequeue();
            if (_dropped.ContainsKey(packet.Headers))
            {
                _dropped[packet.Headers] = true;
                Write(file, packet.Time, packet.Bytes, packet.Length);
                Kept++;
            }
        }
    }

    private static void WriteHead(Stream file)
    {
        Span<byte> head = stackalloc byte[24];
        head.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(head, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(head[4..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(head[6..], 4);
        BinaryPrimitives.WriteUInt32LittleEndian(head[16..], LongestPacket);
        BinaryPrimitives.WriteUInt32LittleEndian(head[20..], RawIp);
        file.Write(head);
    }

    private static void Write(Stream file, DateTimeOffset time, byte[] bytes, int length)
    {
        long microseconds = (time - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        Span<byte> head = stackalloc byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(head, (uint)(microseconds / 1_000_000));
        BinaryPrimitives.WriteUInt32LittleEndian(head[4..], (uint)(microseconds % 1_000_000));
        BinaryPrimitives.WriteUInt32LittleEndian(head[8..], (uint)bytes.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(head[12..], (uint)length);
        file.Write(head);
        file.Write(bytes);
    }
}
