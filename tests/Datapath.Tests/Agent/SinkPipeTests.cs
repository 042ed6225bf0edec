using System.Buffers;
using System.IO.Pipelines;
using Datapath.Agent.Records;
using Datapath.Agent.Sinks;
using Datapath.Flows;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Agent;

public sealed class SinkPipeTests
{
    private static readonly FlowRecord Record = FlowEvents.Record();

    [Fact]
    public async Task A_sink_that_does_not_read_fills_its_own_pipe_and_no_more()
    {
        RecordStream stream = new();
        SinkPipe dead = Pipe();
        SinkPipe alive = Pipe();
        stream.Add(dead);
        stream.Add(alive);
        const int Records = 50_000;
        long delivered = 0;
        for (int i = 0; i < Records; i++)
        {
            stream.Offer(Record);
            if (i % 100 == 99)
            {
                stream.Flush();
                delivered += Drain(alive);
            }
        }

        Assert.Equal((Records, 0L), (delivered, alive.Dropped));
        Assert.Equal(Records, dead.Accepted + dead.Dropped);
        ReadResult waiting = await dead.Reader.ReadAsync(TestContext.Current.CancellationToken);
        Assert.InRange(waiting.Buffer.Length, SinkPipe.Capacity, SinkPipe.Capacity + 128 * 1024);
        Assert.Equal(dead.Accepted, RecordLines.Count(waiting.Buffer));

        // As soon as it reads, it gets what comes then.
        dead.Reader.AdvanceTo(waiting.Buffer.End);
        long again = 0;
        for (int i = 0; i < 1000 && again == 0; i++)
        {
            await Task.Delay(5, TestContext.Current.CancellationToken);
            stream.Offer(Record);
            stream.Flush();
            again = Drain(dead);
        }

        Assert.Equal(1, again);
    }

    [Fact]
    public void A_record_on_its_way_from_the_table_through_the_pipe_allocates_nothing()
    {
        const int Records = 20_000;
        SinkPipe pipe = Pipe();
        RecordStream stream = new();
        stream.Add(pipe);
        FlowAggregator aggregator = new(TimeSpan.FromMinutes(5), capacity: 64);
        FlowRecordReceiver offer = stream.Offer;
        FlowEvent[] events = [.. Enumerable.Range(1, 256).Select(port => FlowEvents.Of(port: (ushort)port))];
        Run(4000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Run(Records);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        // The smallest object has 24 bytes. A buffer of the pool may be made anew, which is not for a record.
        Assert.InRange(allocated, 0, Records * 24 / 10);
        Assert.Equal(stream.Records, pipe.Accepted);

        void Run(int count)
        {
            for (int i = 0; i < count; i++)
            {
                // More ports than there is room for: every event is a new flow, and every one becomes a record.
                aggregator.Add(events[i % events.Length], FlowNames.None, FlowEvents.At(i * 1e-5), offer);
                if (i % 500 == 499)
                {
                    stream.Flush();
                    Drain(pipe);
                }
            }
        }
    }

    [Fact]
    public void Lines_are_cut_where_they_end_whatever_the_segments()
    {
        SinkPipe pipe = Pipe();
        for (int i = 0; i < 300; i++)
        {
            pipe.Offer(Record);
        }

        pipe.Flush();
        Assert.True(pipe.Reader.TryRead(out ReadResult read));
        Assert.False(read.Buffer.IsSingleSegment);
        ReadOnlySequence<byte> first = RecordLines.Fitting(read.Buffer, 1);
        Assert.Equal(1, RecordLines.Count(first));
        ReadOnlySequence<byte> some = RecordLines.Fitting(read.Buffer, first.Length * 10 + 1);
        Assert.Equal((10L, first.Length * 10), (RecordLines.Count(some), some.Length));
        Assert.Equal(read.Buffer.Length, RecordLines.Fitting(read.Buffer, long.MaxValue).Length);
    }

    [Fact]
    public void A_full_queue_of_events_counts_what_it_drops()
    {
        RecordQueue queue = new();
        for (int i = 0; i < RecordQueue.Capacity + 7; i++)
        {
            queue.Offer(Record.Last);
        }

        Assert.Equal((7L, RecordQueue.Capacity), (queue.Dropped, queue.Events.Count));
    }

    private static SinkPipe Pipe() => new(RecordFormats.JsonLines("host/default"));

    private static long Drain(SinkPipe pipe)
    {
        if (!pipe.Reader.TryRead(out ReadResult read))
        {
            return 0;
        }

        long lines = RecordLines.Count(read.Buffer);
        pipe.Reader.AdvanceTo(read.Buffer.End);
        return lines;
    }
}
