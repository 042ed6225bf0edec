using Datapath.Policy.Compilation;

namespace Datapath.Agent.Loops;

/// <summary>Keeps the numbers of rules and units under the state directory, so that counters and events mean the same after a restart.</summary>
/// <param name="stateDirectory">Made when the first numbers are saved.</param>
internal sealed class RuleIndexStore(string stateDirectory)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _path = Path.Combine(stateDirectory, "rule-indexes");
    private string? _saved;

    /// <summary>The numbers that were saved last; none when there are none or they are damaged.</summary>
    /// <param name="problem">Why what is there cannot be used; null when it can, or when there is nothing.</param>
    public RuleIndexes Load(out string? problem)
    {
        problem = null;
        try
        {
            string text = File.ReadAllText(_path);
            RuleIndexReading reading = RuleIndexText.Parse(text);
            problem = reading.Problem is null ? null : $"{_path}: {reading.Problem}";
            _saved = reading.Problem is null ? text : null;
            return reading.Indexes ?? RuleIndexes.Empty;
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return RuleIndexes.Empty;
        }
    }

    /// <summary>Saves numbers; all of them or, when the host dies in between, those from before.</summary>
    /// <param name="indexes">The numbers.</param>
    /// <exception cref="IOException">The disk refuses.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written.</exception>
    public void Save(RuleIndexes indexes)
    {
        string text = RuleIndexText.Print(indexes);
        if (string.Equals(text, _saved, StringComparison.Ordinal))
        {
            return;
        }

        Directory.CreateDirectory(stateDirectory, OwnerOnly | UnixFileMode.UserExecute);
        string temporary = _path + ".new";
        FileStreamOptions options = new()
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = OwnerOnly,
        };
        using (FileStream file = new(temporary, options))
        {
            using (StreamWriter writer = new(file, leaveOpen: true))
            {
                writer.Write(text);
            }

            // Without it the rename may reach the disk before the content, and a power cut leaves an empty file.
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, _path, overwrite: true);
        _saved = text;
    }
}
