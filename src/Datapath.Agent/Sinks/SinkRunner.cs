using System.Buffers;
using System.IO.Pipelines;
using Datapath.Agent.Records;
using Microsoft.Extensions.Logging;

namespace Datapath.Agent.Sinks;

/// <summary>Brings records from a pipe to its sink, tries again what failed, and keeps count.</summary>
/// <param name="sink">Owned from here on.</param>
/// <param name="log">Told when the sink stops working, and when it works again.</param>
/// <param name="clock">Times the tries.</param>
internal sealed class SinkRunner(FlowSink sink, ILogger log, TimeProvider clock)
{
    /// <summary>A write that takes longer has failed: nobody reads at the other end.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    private TimeSpan _pause = FirstPause;
    private long _delivered;
    private long _passedOver;
    private long _failures;
    private string? _problem;

    /// <summary>The sink's name.</summary>
    public string Name => sink.Name;

    /// <summary>What is written to.</summary>
    public SinkPipe Pipe { get; } = new(sink.Format);

    /// <summary>Records that the sink has taken.</summary>
    public long Delivered => Interlocked.Read(ref _delivered);

    /// <summary>Records that the sink can never deliver.</summary>
    public long PassedOver => Interlocked.Read(ref _passedOver);

    /// <summary>Writes that failed.</summary>
    public long Failures => Interlocked.Read(ref _failures);

    /// <summary>Why the latest write failed; null when it did not.</summary>
    public string? Problem => Volatile.Read(ref _problem);

    /// <summary>Runs until the pipe is at its end.</summary>
    /// <param name="giveUp">Ends it before that.</param>
    public async Task RunAsync(CancellationToken giveUp)
    {
        try
        {
            while (await DeliverAsync(giveUp)) { }
        }
        catch (OperationCanceledException) when (giveUp.IsCancellationRequested)
        {
            log.RecordsNotDelivered(Name, Pipe.Accepted - Delivered - PassedOver);
        }
        finally
        {
            await Pipe.Reader.CompleteAsync();
            await sink.DisposeAsync();
        }
    }

    /// <summary>Has the sink tend to what it keeps, soon.</summary>
    public void Tend() => Pipe.Reader.CancelPendingRead();

    private async ValueTask<bool> DeliverAsync(CancellationToken giveUp)
    {
        ReadResult read = await Pipe.Reader.ReadAsync(giveUp);
        if (read.IsCanceled)
        {
            sink.Tend();
        }

        ReadOnlySequence<byte> lines = read.Buffer;
        SequencePosition end = lines.IsEmpty ? lines.End : await TryWriteAsync(lines, giveUp);
        long taken = RecordLines.Count(lines.Slice(lines.Start, end));
        int passedOver = taken > 0 ? sink.PassedOver : 0;
        Interlocked.Add(ref _passedOver, passedOver);
        Interlocked.Add(ref _delivered, taken - passedOver);
        Pipe.Reader.AdvanceTo(end);
        return !read.IsCompleted || !lines.Slice(end).IsEmpty;
    }

    private async ValueTask<SequencePosition> TryWriteAsync(ReadOnlySequence<byte> lines, CancellationToken giveUp)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(giveUp);
        patience.CancelAfter(Patience);
        try
        {
            SequencePosition end = await sink.WriteAsync(lines, patience.Token);
            NoteSuccess();
            return end;
        }
        catch (OperationCanceledException) when (!giveUp.IsCancellationRequested)
        {
            await NoteFailureAsync($"not done within {Patience.TotalSeconds} s", giveUp);
        }
        catch (Exception trouble) when (SinkTrouble.IsExpected(trouble))
        {
            await NoteFailureAsync(trouble.Message, giveUp);
        }

        return lines.Start;
    }

    private void NoteSuccess()
    {
        if (Problem is not null)
        {
            Volatile.Write(ref _problem, null);
            _pause = FirstPause;
            log.SinkWorksAgain(Name, Pipe.Dropped);
        }
    }

    private async ValueTask NoteFailureAsync(string problem, CancellationToken giveUp)
    {
        if (Problem is null)
        {
            log.SinkFailed(Name, problem);
        }

        // In this order: who sees the count sees the reason.
        Volatile.Write(ref _problem, problem);
        Interlocked.Increment(ref _failures);
        await sink.DisposeAsync();
        await Task.Delay(_pause, clock, giveUp);
        _pause = _pause * 2 < LongestPause ? _pause * 2 : LongestPause;
    }
}
