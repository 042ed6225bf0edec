namespace Datapath.Mutants;

/// <summary>Which mutants of this very tree were caught before, so that an interrupted run goes on where it stopped.</summary>
internal sealed class CaughtStore
{
    private readonly string _path;
    private readonly Dictionary<string, Caught> _known = new(StringComparer.Ordinal);

    /// <summary>Takes up what an earlier run has left for the same tree; anything else is forgotten.</summary>
    /// <param name="path">The file.</param>
    /// <param name="fingerprint">The tree's.</param>
    public CaughtStore(string path, string fingerprint)
    {
        _path = path;
        string[] lines = File.Exists(path) ? File.ReadAllLines(path) : [];
        if (lines.Length == 0 || !string.Equals(lines[0], fingerprint, StringComparison.Ordinal))
        {
            File.WriteAllText(path, fingerprint + "\n");
            return;
        }

        foreach (string[] fields in lines.Skip(1).Select(line => line.Split('\t')).Where(fields => fields.Length == 3))
        {
            _known[fields[0]] = new Caught(fields[1], int.Parse(fields[2]));
        }
    }

    /// <summary>How a mutant was caught; null when it was not, or not yet.</summary>
    /// <param name="mutant">Its name.</param>
    public Caught? Find(string mutant) => _known.GetValueOrDefault(mutant);

    /// <summary>Notes that a mutant was caught.</summary>
    /// <param name="mutant">Its name.</param>
    /// <param name="how">How.</param>
    public void Add(string mutant, Caught how)
    {
        _known[mutant] = how;
        File.AppendAllText(_path, $"{mutant}\t{how.Test}\t{how.Seconds}\n");
    }
}

/// <summary>How a mutant was caught.</summary>
/// <param name="Test">The first test that failed.</param>
/// <param name="Seconds">Building and testing.</param>
internal sealed record Caught(string Test, int Seconds);
