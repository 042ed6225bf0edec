using System.Buffers;
using System.IO.Pipelines;

namespace Datapath.Agent.Sinks;

/// <summary>Reads flow records back from their files, the oldest first.</summary>
/// <param name="directory">Where the files are.</param>
internal sealed class FlowHistory(string directory)
{
    private const int BufferBytes = 64 * 1024;

    private readonly RecordFiles _files = new(directory);

    /// <summary>The lines of a span of time, each without its line feed, valid until the next is asked for.</summary>
    /// <param name="since">Not before.</param>
    /// <param name="until">Not after.</param>
    /// <param name="onLine">Is given each.</param>
    /// <param name="cancellation">Nobody listens any more.</param>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read.</exception>
    public async Task ReadAsync(DateTimeOffset since, DateTimeOffset until, Func<ReadOnlySequence<byte>, ValueTask> onLine, CancellationToken cancellation)
    {
        // Opened between two listings that say the same: nothing was put away meanwhile, which would be read twice or not at all.
        IReadOnlyList<PutAwayFile> putAway;
        FileStream? opened = null;
        do
        {
            opened?.Dispose();
            putAway = _files.PutAway();
            opened = TryOpen(_files.CurrentPath);
        } while (!putAway.SequenceEqual(_files.PutAway()));

        using FileStream? current = opened;
        long currentLength = current?.Length ?? 0;
        foreach (PutAwayFile file in putAway)
        {
            if (file.Time >= since)
            {
                using FileStream? old = TryOpen(file.Path);
                if (old is not null)
                {
                    await ReadAsync(old, old.Length, since, until, onLine, cancellation);
                }
            }
        }

        if (current is not null)
        {
            await ReadAsync(current, currentLength, since, until, onLine, cancellation);
        }
    }

    private static async Task ReadAsync(
        FileStream file,
        long length,
        DateTimeOffset since,
        DateTimeOffset until,
        Func<ReadOnlySequence<byte>, ValueTask> onLine,
        CancellationToken cancellation
    )
    {
        PipeReader reader = PipeReader.Create(file, new StreamPipeReaderOptions(bufferSize: BufferBytes, leaveOpen: true));
        long read = 0;
        while (read < length)
        {
            ReadResult result = await reader.ReadAsync(cancellation);
            ReadOnlySequence<byte> rest = result.Buffer;
            while (read < length && RecordLines.TryTake(ref rest, out ReadOnlySequence<byte> line))
            {
                read += line.Length + 1;
                if (TimeOf(line) is { } time && time >= since && time <= until)
                {
                    await onLine(line);
                }
            }

            reader.AdvanceTo(rest.Start, rest.End);
            if (result.IsCompleted)
            {
                break;
            }
        }

        await reader.CompleteAsync();
    }

    // A line that is not ours, or half of one, has no time.
    private static DateTimeOffset? TimeOf(ReadOnlySequence<byte> line)
    {
        if (line.Length < RecordFiles.HeadBytes)
        {
            return null;
        }

        Span<byte> head = stackalloc byte[RecordFiles.HeadBytes];
        line.Slice(0, RecordFiles.HeadBytes).CopyTo(head);
        return RecordFiles.TimeOf(head);
    }

    private static FileStream? TryOpen(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0, useAsync: false);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }
}
