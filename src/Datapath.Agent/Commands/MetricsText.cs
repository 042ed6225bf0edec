using System.Globalization;
using Datapath.Agent.Metrics;

namespace Datapath.Agent.Commands;

/// <summary>What the texts of option values about metrics mean.</summary>
internal static class MetricsText
{
    // Two series each: more than a Prometheus server likes of one target.
    private const int MostRules = 50_000;

    /// <summary>An address and port, or none.</summary>
    public static OptionReading<MetricsListenAddress> Listen(string text) =>
        MetricsListenAddress.Parse(text) is { } place ? place : Refused<MetricsListenAddress>($"'{text}' is no place to listen: write 127.0.0.1:9469, [::]:9469 or none");

    /// <summary>A number of rules.</summary>
    public static OptionReading<int> Rules(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count <= MostRules
            ? count
            : Refused<int>($"'{text}' is not a number of rules: write 0 to {MostRules}");

    private static OptionReading<T> Refused<T>(string problem) => new(default, problem);
}
