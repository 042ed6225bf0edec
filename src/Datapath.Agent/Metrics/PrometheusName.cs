using System.Collections.Frozen;
using System.Text;

namespace Datapath.Agent.Metrics;

/// <summary>Names by the conventions of Prometheus: underscores, the base unit as a suffix, <c>_total</c> for counters.</summary>
/// <remarks>
/// prometheus.io/docs/practices/naming, and the rules by which OpenTelemetry names its instruments there ("Prometheus and OpenMetrics
/// compatibility"), so that another exporter of the same meter gives the same names.
/// </remarks>
internal static class PrometheusName
{
    private const string Total = "_total";

    // What histograms keep for themselves; a thing is counted by its plain name.
    private const string Count = "_count";

    private static readonly FrozenDictionary<string, string> Suffixes = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["s"] = "_seconds",
        ["By"] = "_bytes",
        ["1"] = "_ratio",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The name of a metric, with the suffix of its samples.</summary>
    /// <param name="instrument">Name of the instrument.</param>
    /// <param name="unit">Its unit; null for none.</param>
    /// <param name="kind">What it counts like.</param>
    public static string Of(string instrument, string? unit, MetricKind kind)
    {
        string name = Word(instrument);
        string suffix = unit is not null ? Suffixes.GetValueOrDefault(unit, "") : "";
        name = name.EndsWith(suffix, StringComparison.Ordinal) ? name : name + suffix;
        name = name.EndsWith(Count, StringComparison.Ordinal) ? name[..^Count.Length] : name;
        return kind == MetricKind.Counter && !name.EndsWith(Total, StringComparison.Ordinal) ? name + Total : name;
    }

    /// <summary>The name that OpenMetrics gives a family, which is that of its samples without their suffix.</summary>
    /// <param name="name">As <see cref="Of"/> gave it.</param>
    /// <param name="kind">What it counts like.</param>
    public static string OfFamily(string name, MetricKind kind) =>
        kind switch
        {
            MetricKind.Counter => name[..^Total.Length],
            MetricKind.Info => name[..^"_info".Length],
            _ => name,
        };

    /// <summary>A name with nothing in it but letters, digits and underscores.</summary>
    /// <param name="text">Such as <c>gc.heap.generation</c>.</param>
    public static string Word(string text)
    {
        StringBuilder word = new(text.Length);
        foreach (char letter in text)
        {
            word.Append(char.IsAsciiLetterOrDigit(letter) ? letter : '_');
        }

        return char.IsAsciiDigit(word[0]) ? $"_{word}" : word.ToString();
    }
}
