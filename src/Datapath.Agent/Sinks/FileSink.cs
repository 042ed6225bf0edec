using System.Buffers;
using Datapath.Agent.Files;
using Datapath.Agent.Records;

namespace Datapath.Agent.Sinks;

/// <summary>
/// JSON lines in files under the state directory. A file is put away when it is large or old enough, and deleted when there is too much or it is too old.
/// </summary>
/// <remarks>Not flushed to the disk: a power cut may take the latest seconds, and only these. A line that was cut off by it is cut away.</remarks>
/// <param name="directory">Where the files are; made when the first record is written.</param>
/// <param name="keeping">How much is kept.</param>
/// <param name="enforcer">Name of the agent in the records.</param>
/// <param name="clock">Says how old files are.</param>
internal sealed class FileSink(string directory, RecordKeeping keeping, string enforcer, TimeProvider clock) : FlowSink
{
    private readonly RecordFiles _files = new(directory);
    private FileStream? _file;
    private DateTimeOffset _begin;

    /// <inheritdoc/>
    public override string Name => "file";

    /// <inheritdoc/>
    public override FlowRecordReceiverFactory Format => RecordFormats.JsonLines(enforcer);

    /// <inheritdoc/>
    public override async ValueTask<SequencePosition> WriteAsync(ReadOnlySequence<byte> lines, CancellationToken cancellation)
    {
        FileStream file = Open();
        if (file.Length > 0 && IsFull(file.Length + RecordLines.Fitting(lines, 1).Length))
        {
            file = PutAway();
        }

        long before = file.Length;
        ReadOnlySequence<byte> fitting = RecordLines.Fitting(lines, keeping.FileBytes - before);
        try
        {
            foreach (ReadOnlyMemory<byte> part in fitting)
            {
                await file.WriteAsync(part, cancellation);
            }
        }
        catch (Exception trouble) when (trouble is IOException or OperationCanceledException)
        {
            // A disk that is full has taken half a line, and the lines before it come again.
            file.SetLength(before);
            throw;
        }

        return fitting.End;
    }

    /// <inheritdoc/>
    public override void Tend()
    {
        try
        {
            if (_file is { Length: > 0 } file && IsFull(file.Length))
            {
                PutAway();
            }

            _files.Prune(keeping, clock.GetUtcNow());
        }
        catch (Exception trouble) when (SinkTrouble.IsExpected(trouble))
        {
            // The next write meets the same trouble and says so; without one there is nothing that grows.
        }
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (_file is { } file)
        {
            _file = null;
            await file.DisposeAsync();
        }
    }

    private bool IsFull(long length) => length > keeping.FileBytes || clock.GetUtcNow() - _begin > keeping.FileAge;

    private FileStream Open()
    {
        if (_file is { } open)
        {
            if (File.Exists(_files.CurrentPath))
            {
                return open;
            }

            // Somebody has moved or deleted it: what we write now belongs into a new one.
            open.Dispose();
            _file = null;
        }

        Directory.CreateDirectory(directory, DurableFile.OwnerDirectory);
        FileStream file = new(
            _files.CurrentPath,
            new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.ReadWrite | FileShare.Delete,
                BufferSize = 0,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }
        );
        try
        {
            _begin = BeginOf(file) ?? clock.GetUtcNow();
            CutHalfLine(file);
            return _file = file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private FileStream PutAway()
    {
        _file?.Dispose();
        _file = null;
        DateTimeOffset now = clock.GetUtcNow();
        _files.PutCurrentAway(now);
        _files.Prune(keeping, now);
        return Open();
    }

    private static DateTimeOffset? BeginOf(FileStream file)
    {
        Span<byte> head = stackalloc byte[RecordFiles.HeadBytes];
        int read = file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        return RecordFiles.TimeOf(head[..read]);
    }

    private static void CutHalfLine(FileStream file)
    {
        long length = file.Length;
        Span<byte> one = stackalloc byte[1];
        while (length > 0)
        {
            file.Position = length - 1;
            if (file.Read(one) == 1 && one[0] == (byte)'\n')
            {
                break;
            }

            length--;
        }

        file.SetLength(length);
        file.Position = length;
    }
}
