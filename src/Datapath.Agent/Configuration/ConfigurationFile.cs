using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;

namespace Datapath.Agent.Configuration;

/// <summary>A file of <c>KEY=value</c> lines; the keys are the names of the environment variables.</summary>
/// <remarks>
/// The form of systemd's <c>EnvironmentFile=</c> without its line continuations: blank lines and those that begin with <c>#</c> say nothing,
/// one pair of quotes around a value is taken off. Unlike there, an unknown key is an error: a misspelt one would be silently without effect.
/// </remarks>
internal sealed class ConfigurationFile
{
    private readonly ImmutableDictionary<string, GivenText> _values;

    private ConfigurationFile(string path, bool isThere, ImmutableDictionary<string, GivenText> values, string? problem)
    {
        (Path, IsThere, _values, Problem) = (path, isThere, values, problem);
    }

    /// <summary>Which file, as it was named.</summary>
    public string Path { get; }

    /// <summary>Whether there is one.</summary>
    public bool IsThere { get; }

    /// <summary>Why its values cannot be used, one sentence; null when they can.</summary>
    public string? Problem { get; }

    /// <summary>Reads a file.</summary>
    /// <param name="path">Which.</param>
    /// <param name="mayBeMissing">A file that is not there is like an empty one.</param>
    /// <param name="keys">The keys that there are.</param>
    public static ConfigurationFile Read(string path, bool mayBeMissing, IReadOnlyCollection<string> keys)
    {
        try
        {
            return Parse(path, File.ReadAllLines(path), keys);
        }
        catch (Exception refusal) when (refusal is FileNotFoundException or DirectoryNotFoundException && mayBeMissing)
        {
            return new ConfigurationFile(path, isThere: false, ImmutableDictionary<string, GivenText>.Empty, problem: null);
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            return Unusable(path, $"{path}: {refusal.Message}");
        }
    }

    /// <summary>What the file says of a key; null for nothing, which an empty value is too.</summary>
    /// <param name="key">The key.</param>
    public GivenText? Find(string key) => _values.TryGetValue(key, out GivenText? given) && given.Text.Length > 0 ? given : null;

    private static ConfigurationFile Unusable(string path, string problem) =>
        new(path, isThere: true, ImmutableDictionary<string, GivenText>.Empty, problem);

    private static ConfigurationFile Parse(string path, string[] lines, IReadOnlyCollection<string> keys)
    {
        var values = ImmutableDictionary.CreateBuilder<string, GivenText>(StringComparer.Ordinal);
        foreach ((int index, string line) in lines.Index())
        {
            string text = line.Trim();
            if (text.Length == 0 || text[0] == '#')
            {
                continue;
            }

            string place = $"{path}:{index + 1}";
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            string key = equals < 0 ? text : text[..equals].TrimEnd();
            if (equals < 0)
            {
                return Unusable(path, $"{place}: '{text}' is not KEY=value");
            }

            if (!keys.Contains(key, StringComparer.Ordinal))
            {
                string meant = Spelling.Closest(key, keys) is { } near ? $": {near} is meant?" : "";
                return Unusable(path, $"{place}: there is no setting '{key}'{meant}");
            }

            if (values.TryGetValue(key, out GivenText? before))
            {
                return Unusable(path, $"{place}: {key} is set at {before.Place} already");
            }

            values.Add(key, new GivenText(WithoutQuotes(text[(equals + 1)..].Trim()), OptionOrigin.File, place));
        }

        return new ConfigurationFile(path, isThere: true, values.ToImmutable(), problem: null);
    }

    private static string WithoutQuotes(string value) =>
        value is ['"' or '\'', .., var last] && value.Length > 1 && value[0] == last ? value[1..^1] : value;
}
