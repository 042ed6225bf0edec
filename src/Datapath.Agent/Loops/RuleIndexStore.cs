using Datapath.Agent.Files;
using Datapath.Policy.Compilation;

namespace Datapath.Agent.Loops;

/// <summary>Keeps the numbers of rules and units under the state directory, so that counters and events mean the same after a restart.</summary>
/// <param name="stateDirectory">Made when the first numbers are saved.</param>
internal sealed class RuleIndexStore(string stateDirectory)
{
    private readonly string _indexPath = Path.Combine(stateDirectory, "rule-indexes");
    private readonly string _retiredPath = Path.Combine(stateDirectory, "retired-numbers");
    private readonly Dictionary<string, string> _saved = new(StringComparer.Ordinal);

    /// <summary>The numbers that were saved last; none when there are none or they are damaged.</summary>
    /// <param name="problem">Why what is there cannot be used; null when it can, or when there is nothing.</param>
    public RuleIndexes Load(out string? problem)
    {
        if (Read(_indexPath, out problem) is not { } text)
        {
            return RuleIndexes.Empty;
        }

        RuleIndexReading reading = RuleIndexText.Parse(text);
        if (reading.Problem is not null)
        {
            problem = $"{_indexPath}: {reading.Problem}";
            _saved.Remove(_indexPath);
        }

        return reading.Indexes ?? RuleIndexes.Empty;
    }

    /// <summary>Since when numbers are out of use; what is not there or damaged is not known, and only waits longer.</summary>
    public RetiredNumbers LoadRetired() => Read(_retiredPath, out _) is { } text ? RetiredNumbers.Parse(text) : RetiredNumbers.None;

    /// <summary>Saves numbers; all of them or, when the host dies in between, those from before.</summary>
    /// <param name="indexes">The numbers.</param>
    /// <exception cref="IOException">The disk refuses.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written.</exception>
    public void Save(RuleIndexes indexes) => Write(_indexPath, RuleIndexText.Print(indexes));

    /// <summary>Saves since when numbers are out of use.</summary>
    /// <param name="retired">The numbers with their times.</param>
    /// <exception cref="IOException">The disk refuses.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written.</exception>
    public void Save(RetiredNumbers retired) => Write(_retiredPath, retired.Print());

    private string? Read(string path, out string? problem)
    {
        problem = null;
        try
        {
            return _saved[path] = File.ReadAllText(path);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            // Numbers begin anew, which costs the meaning of counters; an agent that does not start costs more.
            problem = $"{path}: {refusal.Message}";
            return null;
        }
    }

    private void Write(string path, string text)
    {
        if (string.Equals(text, _saved.GetValueOrDefault(path), StringComparison.Ordinal))
        {
            return;
        }

        DurableFile.Replace(path, text);
        _saved[path] = text;
    }
}
