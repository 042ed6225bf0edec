using System.Buffers;
using Datapath.Agent.Records;

namespace Datapath.Agent.Sinks;

/// <summary>JSON lines on standard output, which systemd brings to the journal.</summary>
/// <param name="open">Opens it.</param>
/// <param name="enforcer">Name of the agent in the records.</param>
internal sealed class StreamSink(Func<Stream> open, string enforcer) : FlowSink
{
    private Stream? _stream;
    private Task _written = Task.CompletedTask;

    /// <inheritdoc/>
    public override string Name => "stdout";

    /// <inheritdoc/>
    public override FlowRecordReceiverFactory Format => RecordFormats.JsonLines(enforcer);

    /// <inheritdoc/>
    public override async ValueTask<SequencePosition> WriteAsync(ReadOnlySequence<byte> lines, CancellationToken cancellation)
    {
        // Whoever reads may have stopped without closing: a write hangs then, holds a thread, and cannot be taken back. No second one beside it.
        await _written.WaitAsync(cancellation);
        _stream ??= open();
        foreach (ReadOnlyMemory<byte> part in lines)
        {
            _written = _stream.WriteAsync(part, cancellation).AsTask();
            await _written.WaitAsync(cancellation);
        }

        return lines.End;
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (_written.IsFaulted)
        {
            _written = Task.CompletedTask;
        }

        if (_stream is { } stream && _written.IsCompleted)
        {
            _stream = null;
            await stream.DisposeAsync();
        }
    }
}
