using System.Globalization;
using Datapath.Flows;

namespace Datapath.Agent.Sinks;

/// <summary>How much of the records is kept in files.</summary>
/// <param name="Bytes">All files together.</param>
/// <param name="Age">Since the last record of a file.</param>
internal readonly record struct RecordKeeping(long Bytes, TimeSpan Age)
{
    /// <summary>The least that can be asked for: sixteen files of 64 KiB.</summary>
    public const long LeastBytes = 1 << 20;

    private const int Files = 16;

    /// <summary>A quarter of a gigabyte, a week.</summary>
    public static RecordKeeping Default { get; } = new(256L << 20, TimeSpan.FromDays(7));

    /// <summary>The size at which a file is put away.</summary>
    public long FileBytes => Bytes / Files;

    /// <summary>The age at which a file is put away, counted from its first record.</summary>
    public TimeSpan FileAge => Age / Files;
}

/// <summary>The files of flow records: one that is written, and those that were put away, which carry the time of that in their names.</summary>
/// <param name="directory">Where they are.</param>
internal sealed class RecordFiles(string directory)
{
    private const string Prefix = "flows-";
    private const string Suffix = ".jsonl";
    private const string TimeForm = "yyyyMMdd'T'HHmmss'.'ffffff'Z'";
    private const string TimestampStart = "{\"timestamp\":\"";

    /// <summary>Bytes of a line that hold its time.</summary>
    public const int HeadBytes = 14 + FlowTimeText.Length;

    /// <summary>The file that is written.</summary>
    public string CurrentPath { get; } = Path.Combine(directory, $"flows{Suffix}");

    /// <summary>The files that were put away, the oldest first.</summary>
    public IReadOnlyList<PutAwayFile> PutAway()
    {
        if (!Directory.Exists(directory))
        {
            return [];
        }

        return
        [
            .. Directory
                .EnumerateFiles(directory, $"{Prefix}*{Suffix}")
                .Select(path => (Path: path, Time: TimeOf(Path.GetFileName(path))))
                .Where(file => file.Time is not null)
                .Select(file => new PutAwayFile(file.Path, file.Time!.Value))
                .OrderBy(file => file.Time),
        ];
    }

    /// <summary>Puts the file that is written away.</summary>
    /// <param name="now">Not before the time of its last record.</param>
    public void PutCurrentAway(DateTimeOffset now) =>
        File.Move(CurrentPath, Path.Combine(directory, Prefix + now.UtcDateTime.ToString(TimeForm, CultureInfo.InvariantCulture) + Suffix), overwrite: false);

    /// <summary>Deletes what is too old, and of the rest the oldest until it fits with one file more.</summary>
    /// <param name="keeping">How much is kept.</param>
    /// <param name="now">Now.</param>
    public void Prune(RecordKeeping keeping, DateTimeOffset now)
    {
        IReadOnlyList<PutAwayFile> files = PutAway();
        long[] sizes = [.. files.Select(file => new FileInfo(file.Path).Length)];
        long left = sizes.Sum();
        for (int i = 0; i < files.Count && (left + keeping.FileBytes > keeping.Bytes || now - files[i].Time > keeping.Age); i++)
        {
            File.Delete(files[i].Path);
            left -= sizes[i];
        }
    }

    /// <summary>The time that a line begins with; null when it is not one of ours.</summary>
    /// <param name="line">A line, or its first <see cref="HeadBytes"/> bytes.</param>
    public static DateTimeOffset? TimeOf(ReadOnlySpan<byte> line)
    {
        if (line.Length < HeadBytes || !line[..TimestampStart.Length].SequenceEqual("{\"timestamp\":\""u8))
        {
            return null;
        }

        Span<char> text = stackalloc char[FlowTimeText.Length];
        System.Text.Encoding.ASCII.GetChars(line[TimestampStart.Length..HeadBytes], text);
        return DateTimeOffset.TryParseExact(text, "yyyy-MM-dd'T'HH:mm:ss'.'ffffff'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? time
            : null;
    }

    private static DateTimeOffset? TimeOf(string name) =>
        DateTimeOffset.TryParseExact(
            name[Prefix.Length..^Suffix.Length],
            TimeForm,
            CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal,
            out DateTimeOffset time
        )
            ? time
            : null;
}

/// <summary>A file that was put away.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Time">When; no record in it is later.</param>
internal sealed record PutAwayFile(string Path, DateTimeOffset Time);
