using System.Buffers;
using System.Globalization;
using System.Text;

namespace Datapath.Agent.Metrics;

/// <summary>Writes the page that Prometheus reads, in either of its forms.</summary>
/// <remarks>
/// prometheus.io/docs/instrumenting/exposition_formats (text format 0.0.4) and OpenMetrics 1.0.0 (draft-ietf-opsawg-openmetrics). They
/// differ in the name of a counter's family, in the type "info", in what is escaped in a help text, and in an end mark.
/// </remarks>
/// <param name="output">Receives the page.</param>
/// <param name="format">Its form.</param>
internal sealed class ExpositionWriter(IBufferWriter<byte> output, ExpositionFormat format)
{
    private const int NumberBytes = 32;

    private readonly bool _isOpen = format == ExpositionFormat.OpenMetrics;

    /// <summary>Writes families, each once, and the end.</summary>
    /// <param name="families">In the order of their names.</param>
    public void Write(IEnumerable<MetricFamily> families)
    {
        foreach (MetricFamily family in families)
        {
            IReadOnlyList<MetricSeries> series = family.Read();
            if (series.Count > 0)
            {
                Write(family, series);
            }
        }

        if (_isOpen)
        {
            Text("# EOF\n");
        }
    }

    private void Write(MetricFamily family, IReadOnlyList<MetricSeries> series)
    {
        string name = _isOpen ? PrometheusName.OfFamily(family.Name, family.Kind) : family.Name;
        Text($"# HELP {name} {Escaped(family.Help)}\n# TYPE {name} {TypeOf(family.Kind)}\n");
        foreach (MetricSeries one in series)
        {
            if (family.Kind == MetricKind.Histogram)
            {
                WriteBuckets(family, one);
            }
            else
            {
                Line(family.Name, one.Labels, one.Value);
            }
        }
    }

    private void WriteBuckets(MetricFamily family, MetricSeries one)
    {
        string before = one.Labels.Length > 0 ? one.Labels + "," : "";
        long below = 0;
        foreach ((double bound, long count) in family.Bounds.Zip(one.Buckets))
        {
            below += count;
            Line(family.Name + "_bucket", $"{before}le=\"{BoundOf(bound)}\"", below);
        }

        Line(family.Name + "_bucket", before + "le=\"+Inf\"", one.Count);
        Line(family.Name + "_sum", one.Labels, one.Value);
        Line(family.Name + "_count", one.Labels, one.Count);
    }

    private void Line(string name, string labels, double value)
    {
        Text(name);
        if (labels.Length > 0)
        {
            Text("{");
            Text(labels);
            Text("}");
        }

        Span<byte> number = output.GetSpan(NumberBytes);
        number[0] = (byte)' ';
        // Whole numbers in full up to the 53 bits that are exact; what Prometheus keeps is a double as well.
        value.TryFormat(number[1..], out int written, Math.Abs(value) < 1L << 53 && Math.Floor(value) == value ? "F0" : "R", CultureInfo.InvariantCulture);
        number[++written] = (byte)'\n';
        output.Advance(written + 1);
    }

    private void Text(string text) => Encoding.UTF8.GetBytes(text, output);

    private string TypeOf(MetricKind kind) =>
        kind switch
        {
            MetricKind.Counter => "counter",
            MetricKind.Histogram => "histogram",
            MetricKind.Info when _isOpen => "info",
            _ => "gauge",
        };

    private string Escaped(string help)
    {
        string text = help.Replace(@"\", @"\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
        return _isOpen ? text.Replace("\"", "\\\"", StringComparison.Ordinal) : text;
    }

    // OpenMetrics wants a point in the bounds, and the same text everywhere keeps series together.
    private static string BoundOf(double bound) => bound.ToString(Math.Floor(bound) == bound ? "F1" : "R", CultureInfo.InvariantCulture);
}
