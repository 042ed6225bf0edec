using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using Datapath.Policy.Diagnostics;

namespace Datapath.Agent.Files;

/// <summary>Brings policy files from disk; whatever is wrong with one becomes a diagnostic.</summary>
internal static class PolicyFileReader
{
    /// <summary>More than any policy needs; a file is refused before it fills the memory of the host.</summary>
    public const int MaxFileBytes = 100_000_000;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    // Long for a disk, short for a person. Only what is not a regular file, or lies on a dead network file system, takes longer.
    private static readonly TimeSpan ReadingTime = TimeSpan.FromSeconds(10);

    /// <summary>The policy of a directory: its <c>*.yaml</c>, <c>*.yml</c> and <c>*.json</c> files in ordinal order of their names.</summary>
    /// <param name="directory">The directory; a missing one is an empty policy. Hidden files and subdirectories do not count.</param>
    /// <param name="cancellation">Ends the wait for a file that gives no content.</param>
    public static Task<PolicySource> ReadDirectoryAsync(string directory, CancellationToken cancellation) =>
        ReadAsync([directory], ListDirectory, cancellation);

    /// <summary>The policy of files and directories that a user named, in the order given.</summary>
    /// <param name="paths">A named file counts whatever its name is.</param>
    /// <param name="cancellation">Ends the wait for a file that gives no content.</param>
    public static Task<PolicySource> ReadNamedAsync(IEnumerable<string> paths, CancellationToken cancellation) =>
        ReadAsync(paths, path => Directory.Exists(path) ? ListDirectory(path) : ([path], null), cancellation);

    private static async Task<PolicySource> ReadAsync(
        IEnumerable<string> paths,
        Func<string, (ImmutableArray<string> Files, Diagnostic? Problem)> list,
        CancellationToken cancellation
    )
    {
        ImmutableArray<PolicyFile>.Builder files = ImmutableArray.CreateBuilder<PolicyFile>();
        ImmutableArray<Diagnostic>.Builder diagnostics = ImmutableArray.CreateBuilder<Diagnostic>();
        foreach ((ImmutableArray<string> listed, Diagnostic? unlisted) in paths.Select(list))
        {
            AddIfAny(diagnostics, unlisted);
            foreach (string path in listed)
            {
                (PolicyFile? file, Diagnostic? unread) = await ReadFileAsync(path, cancellation);
                AddIfAny(diagnostics, unread);
                AddIfAny(files, file);
            }
        }

        return new PolicySource(files.ToImmutable(), diagnostics.ToImmutable());
    }

    private static void AddIfAny<T>(ImmutableArray<T>.Builder list, T? item)
        where T : class
    {
        if (item is not null)
        {
            list.Add(item);
        }
    }

    private static (ImmutableArray<string> Files, Diagnostic? Problem) ListDirectory(string directory)
    {
        try
        {
            return (PolicyDirectory.List(directory), null);
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            return ([], FileDiagnostics.CannotRead(directory, refusal.Message));
        }
    }

    private static async Task<(PolicyFile? File, Diagnostic? Problem)> ReadFileAsync(string path, CancellationToken cancellation)
    {
        try
        {
            // Opening a named pipe blocks in the kernel, where no token reaches: the wait is given up, the thread is the pool's.
            byte[]? content = await Task.Run(() => ReadBytes(path), cancellation).WaitAsync(ReadingTime, cancellation);
            return content is null ? (null, FileDiagnostics.TooLarge(path, MaxFileBytes)) : Decode(path, content);
        }
        catch (FileNotFoundException)
        {
            return (null, FileDiagnostics.CannotRead(path, "there is no such file"));
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            return (null, FileDiagnostics.CannotRead(path, refusal.Message));
        }
        catch (TimeoutException)
        {
            return (null, FileDiagnostics.ReadingTakesTooLong(path, ReadingTime));
        }
    }

    // Null when it is too large. The length of a file is only a promise (a device has none), so what counts is what was read.
    private static byte[]? ReadBytes(string path)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        if (stream.CanSeek && stream.Length > MaxFileBytes)
        {
            return null;
        }

        ArrayBufferWriter<byte> content = new();
        while (stream.Read(content.GetSpan(64 * 1024)) is var count and > 0)
        {
            content.Advance(count);
            if (content.WrittenCount > MaxFileBytes)
            {
                return null;
            }
        }

        return content.WrittenSpan.ToArray();
    }

    private static (PolicyFile? File, Diagnostic? Problem) Decode(string path, ReadOnlySpan<byte> content)
    {
        ReadOnlySpan<byte> text = content.StartsWith(Encoding.UTF8.Preamble) ? content[Encoding.UTF8.Preamble.Length..] : content;
        try
        {
            return (new PolicyFile(path, Strict.GetString(text)), null);
        }
        catch (DecoderFallbackException)
        {
            return (null, FileDiagnostics.NotUtf8(PlaceOfFirstBadByte(path, text)));
        }
    }

    private static SourceSpan PlaceOfFirstBadByte(string path, ReadOnlySpan<byte> text)
    {
        int line = 1;
        int column = 1;
        while (Rune.DecodeFromUtf8(text, out Rune rune, out int length) == OperationStatus.Done)
        {
            bool isLineEnd = rune.Value == '\n';
            line += isLineEnd ? 1 : 0;
            column = isLineEnd ? 1 : column + rune.Utf16SequenceLength;
            text = text[length..];
        }

        return new SourceSpan(path, line, column);
    }
}
