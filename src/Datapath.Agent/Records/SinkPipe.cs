using System.Buffers;
using System.IO.Pipelines;
using Datapath.Flows;

namespace Datapath.Agent.Records;

/// <summary>
/// The way of records to one sink: written by the loop that makes them, read by the sink at its own pace. Its length is bounded, and what
/// comes while it is full is counted and gone; nobody waits for a sink.
/// </summary>
/// <param name="format">How the sink wants a record: text that ends in a line feed and has no other.</param>
internal sealed class SinkPipe(FlowRecordReceiverFactory format)
{
    /// <summary>What may wait: ten thousand records or so, a tenth of a second when every event is a new flow and the agent is at its limit.</summary>
    public const int Capacity = 8 * 1024 * 1024;

    private const int SegmentBytes = 32 * 1024;

    private readonly Pipe _pipe = new(
        new PipeOptions(
            pauseWriterThreshold: Capacity,
            resumeWriterThreshold: Capacity / 2,
            minimumSegmentSize: SegmentBytes,
            useSynchronizationContext: false
        )
    );
    private FlowRecordReceiver? _write;
    private Task<FlushResult>? _flush;
    private bool _isCompleted;
    private long _accepted;
    private long _dropped;

    /// <summary>Where the sink reads; always whole records.</summary>
    public PipeReader Reader => _pipe.Reader;

    /// <summary>Records that are or were on the way.</summary>
    public long Accepted => Interlocked.Read(ref _accepted);

    /// <summary>Records that there was no room for.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Writes a record, or counts it as dropped; never waits. One caller at a time.</summary>
    /// <param name="record">The record.</param>
    public void Offer(in FlowRecord record)
    {
        if (_isCompleted || !IsReady())
        {
            Interlocked.Increment(ref _dropped);
            return;
        }

        (_write ??= format(_pipe.Writer))(record);
        Interlocked.Increment(ref _accepted);
        if (_pipe.Writer.UnflushedBytes >= SegmentBytes)
        {
            Flush();
        }
    }

    /// <summary>Lets the sink have what was written. One caller at a time.</summary>
    public void Flush()
    {
        if (_isCompleted || _pipe.Writer.UnflushedBytes == 0 || !IsReady())
        {
            return;
        }

        ValueTask<FlushResult> flush = _pipe.Writer.FlushAsync();
        if (flush.IsCompletedSuccessfully)
        {
            // Who has stopped reading wants no more: a follower that went.
            _isCompleted = flush.Result.IsCompleted;
        }
        else
        {
            _flush = flush.AsTask();
        }
    }

    /// <summary>No more records; the sink reads what there is.</summary>
    public void Complete()
    {
        Flush();
        _isCompleted = true;
        _pipe.Writer.Complete();
    }

    // A flush completes at once unless the pipe is longer than its capacity; then it does when the sink has read half of it.
    private bool IsReady()
    {
        if (_flush is { IsCompleted: true } flushed)
        {
            _flush = null;
            _isCompleted = flushed.IsFaulted || flushed.GetAwaiter().GetResult().IsCompleted;
        }

        return _flush is null && !_isCompleted;
    }
}

/// <summary>Makes what writes records in a sink's own format.</summary>
/// <param name="output">Where to.</param>
internal delegate FlowRecordReceiver FlowRecordReceiverFactory(IBufferWriter<byte> output);
