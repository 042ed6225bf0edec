using System.Globalization;

namespace Datapath.Agent.Metrics;

/// <summary>A form of the page.</summary>
internal enum ExpositionFormat
{
    /// <summary>Prometheus' own, version 0.0.4.</summary>
    Text,

    /// <summary>OpenMetrics 1.0.0.</summary>
    OpenMetrics,
}

/// <summary>Which form of the page who asks.</summary>
internal static class ExpositionFormats
{
    private const string OpenMetricsType = "application/openmetrics-text";
    private const string Version = "version";

    /// <summary>The form that is accepted with most weight; <see cref="ExpositionFormat.Text"/> when neither is named.</summary>
    /// <param name="accept">The values of the header <c>Accept</c> (RFC 9110, 12.5.1).</param>
    public static ExpositionFormat Negotiate(IEnumerable<string?> accept)
    {
        double text = 0;
        double openMetrics = 0;
        foreach (string range in accept.SelectMany(value => (value ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)))
        {
            string[] parts = range.Split(';', StringSplitOptions.TrimEntries);
            Dictionary<string, string> parameters = Parameters(parts.Skip(1));
            double weight = WeightOf(parameters);
            switch (parts[0].ToLowerInvariant())
            {
                // A version that we do not write is not ours to give.
                case OpenMetricsType when parameters.GetValueOrDefault(Version, "1.0.0") is "1.0.0" or "0.0.1":
                    openMetrics = Math.Max(openMetrics, weight);
                    break;
                case "text/plain" when parameters.GetValueOrDefault(Version, "0.0.4") is "0.0.4":
                case "text/*" or "*/*":
                    text = Math.Max(text, weight);
                    break;
                default:
                    break;
            }
        }

        return openMetrics > 0 && openMetrics >= text ? ExpositionFormat.OpenMetrics : ExpositionFormat.Text;
    }

    /// <summary>What the page calls itself.</summary>
    /// <param name="format">Its form.</param>
    public static string ContentType(ExpositionFormat format) =>
        format == ExpositionFormat.OpenMetrics ? OpenMetricsType + "; version=1.0.0; charset=utf-8" : "text/plain; version=0.0.4; charset=utf-8";

    private static Dictionary<string, string> Parameters(IEnumerable<string> texts)
    {
        Dictionary<string, string> parameters = new(StringComparer.OrdinalIgnoreCase);
        foreach (string[] pair in texts.Select(text => text.Split('=', 2, StringSplitOptions.TrimEntries)).Where(pair => pair.Length == 2))
        {
            parameters[pair[0]] = pair[1].Trim('"');
        }

        return parameters;
    }

    private static double WeightOf(Dictionary<string, string> parameters) =>
        !parameters.TryGetValue("q", out string? text) ? 1
        : double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double weight) && weight <= 1 ? weight
        : 0;
}
