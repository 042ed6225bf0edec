using System.Collections.Immutable;

namespace Datapath.Agent.Metrics;

/// <summary>What kind of number a metric is.</summary>
internal enum MetricKind
{
    /// <summary>Only grows, or begins again at zero.</summary>
    Counter,

    /// <summary>May be anything at any time.</summary>
    Gauge,

    /// <summary>How often measurements fell below bounds.</summary>
    Histogram,

    /// <summary>Always 1; what it says stands in its labels.</summary>
    Info,
}

/// <summary>A metric as instrument and in documents.</summary>
/// <param name="Kind">What it counts like.</param>
/// <param name="Name">Name of the instrument: words parted by dots, without unit.</param>
/// <param name="Unit">In UCUM: <c>By</c>, <c>s</c>, or what is counted in braces.</param>
/// <param name="Help">One sentence without a full stop.</param>
/// <param name="Labels">Names of its labels, in the order in which samples give their values.</param>
internal sealed record MetricDescription(MetricKind Kind, string Name, string Unit, string Help, params ImmutableArray<string> Labels)
{
    /// <summary>What Prometheus knows it by.</summary>
    public string PrometheusName => Metrics.PrometheusName.Of(Name, Unit, Kind);
}

/// <summary>A value of a metric.</summary>
/// <param name="Value">The value.</param>
/// <param name="Labels">The values of its labels.</param>
internal readonly record struct Sample<T>(T Value, params string[] Labels);
