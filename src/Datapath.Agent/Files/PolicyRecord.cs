using System.Text;

namespace Datapath.Agent.Files;

/// <summary>What became of policies, by their hashes: the one truth of an agent that has to begin again.</summary>
/// <param name="Confirmed">The policy that start and boot load first; null when there is none yet.</param>
/// <param name="Previous">The one that was confirmed before it; null for none.</param>
/// <param name="Pending">The one that was put in force on trial; null for none.</param>
/// <param name="RolledBack">The one that was not confirmed: not applied again until its content changes or somebody asks for it.</param>
internal sealed record PolicyRecord(string? Confirmed = null, string? Previous = null, string? Pending = null, string? RolledBack = null)
{
    private const string Heading = "datapath policy record 1";

    /// <summary>Every policy that must be kept.</summary>
    public IEnumerable<string> Kept => new[] { Confirmed, Previous, Pending }.OfType<string>();

    /// <summary>The record after a policy was confirmed.</summary>
    /// <param name="hash">Which.</param>
    public PolicyRecord WithConfirmed(string hash) =>
        string.Equals(hash, Confirmed, StringComparison.Ordinal)
            ? this with { Pending = null, RolledBack = null }
            : new PolicyRecord(hash, Previous: Confirmed);

    /// <summary>The record as text: one line for each policy that there is.</summary>
    public string Print()
    {
        var text = new StringBuilder(Heading).Append('\n');
        foreach ((string word, string? hash) in Lines)
        {
            text.Append(hash is null ? "" : $"{word} {hash}\n");
        }

        return text.ToString();
    }

    /// <summary>Reads what <see cref="Print"/> wrote; null when it is something else.</summary>
    /// <param name="text">The text.</param>
    public static PolicyRecord? Parse(string text)
    {
        string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines is not [Heading, ..])
        {
            return null;
        }

        Dictionary<string, string> known = new(StringComparer.Ordinal);
        foreach (string[] words in lines.Skip(1).Select(line => line.Split(' ')))
        {
            if (words is not [var word, { Length: 64 } hash] || !hash.All(char.IsAsciiHexDigitLower))
            {
                return null;
            }

            known[word] = hash;
        }

        return new PolicyRecord(
            known.GetValueOrDefault("confirmed"),
            known.GetValueOrDefault("previous"),
            known.GetValueOrDefault("pending"),
            known.GetValueOrDefault("rolled-back")
        );
    }

    private IEnumerable<(string Word, string? Hash)> Lines =>
        [("confirmed", Confirmed), ("previous", Previous), ("pending", Pending), ("rolled-back", RolledBack)];
}
