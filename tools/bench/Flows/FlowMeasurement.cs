using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Datapath.Agent.Loops;
using Datapath.Agent.Records;
using Datapath.Agent.Sinks;
using Datapath.Backends.Ebpf;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datapath.Bench.Flows;

/// <summary>Events at a rate, as bytes of the ring buffer, through decoder, queue, table and pipe into files.</summary>
/// <param name="Events">How many there were.</param>
/// <param name="Records">Records that came of them.</param>
/// <param name="Dropped">Events and records that there was no room for.</param>
/// <param name="Written">Records in files.</param>
/// <param name="CoreShare">Processor time of the whole process by wall time.</param>
/// <param name="LargestHeapMb">Most that the heap was while it went on.</param>
internal sealed record FlowMeasurement(long Events, long Records, long Dropped, long Written, double CoreShare, double LargestHeapMb)
{
    // As the agent's flow loop reads the ring.
    private static readonly TimeSpan Tick = EventPace.Busy;

    public string Text =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Events} events, {Records} records, {Written} written, {Dropped} dropped; heap at most {LargestHeapMb:F0} MB"
        );

    public static async Task<FlowMeasurement> OfAsync(int eventsPerSecond, int differentFlows, TimeSpan time)
    {
        string directory = Directory.CreateTempSubdirectory("dpb-").FullName;
        try
        {
            EventFeed feed = new();
            using RecordLoop loop = new(feed, TimeSpan.FromMinutes(5), TimeProvider.System);
            SinkSet sinks = new(new FlowSettings(), new SinkPlaces(directory, "bench/default"), NullLogger.Instance, TimeProvider.System);
            using CancellationTokenSource stop = new();
            Task running = sinks.RunAsync(loop, stop.Token);
            TimeSpan cpu = Environment.CpuUsage.TotalTime;
            long start = Stopwatch.GetTimestamp();
            (long events, double heap) = await FeedAsync(feed, eventsPerSecond, differentFlows, time);
            double share = (Environment.CpuUsage.TotalTime - cpu) / Stopwatch.GetElapsedTime(start);
            await stop.CancelAsync();
            await running;
            SinkRunner files = sinks.Files!;
            return new FlowMeasurement(events, loop.Records, feed.Records.Dropped + files.Pipe.Dropped, files.Delivered, share, heap);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task<(long Events, double HeapMb)> FeedAsync(EventFeed feed, int eventsPerSecond, int differentFlows, TimeSpan time)
    {
        EventDecoder decoder = new(TimeProvider.System);
        byte[] raw = new byte[Marshal.SizeOf<DpEvent>()];
        long events = 0;
        long heap = 0;
        long start = Stopwatch.GetTimestamp();
        using PeriodicTimer timer = new(Tick);
        while (Stopwatch.GetElapsedTime(start) < time && await timer.WaitForNextTickAsync())
        {
            long due = (long)(Math.Min(Stopwatch.GetElapsedTime(start).TotalSeconds, time.TotalSeconds) * eventsPerSecond);
            for (; events < due; events++)
            {
                Write(raw, (uint)(events % differentFlows));
                feed.Publish(decoder.Decode(raw) ?? throw new InvalidOperationException("our own event is not understood"));
            }

            heap = Math.Max(heap, GC.GetTotalMemory(forceFullCollection: false));
        }

        return (events, heap / 1e6);
    }

    // A SYN from 10.x.y.z to port 443 of the host.
    private static void Write(Span<byte> raw, uint flow)
    {
        ref DpEvent one = ref MemoryMarshal.AsRef<DpEvent>(raw);
        one = new DpEvent
        {
            TimeNanoseconds = (ulong)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency)),
            Source = AddressCodec.Encode(new System.Net.IPAddress([10, (byte)(flow >> 16), (byte)(flow >> 8), (byte)flow])),
            Destination = AddressCodec.Encode(new System.Net.IPAddress([192, 0, 2, 1])),
            DestinationKey = 443,
            Unit = 1,
            Protocol = 6,
            Verdict = 1,
            RuleIndex = 1,
        };
    }
}
