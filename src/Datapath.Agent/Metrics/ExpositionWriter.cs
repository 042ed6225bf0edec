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
    // Braces, blank, line feed, and the longest number.
    private const int MoreBytes = 36;

    private readonly bool _isOpen = format == ExpositionFormat.OpenMetrics;

    /// <summary>Writes families, each once, and the end.</summary>
    /// <param name="families">In the order of their names.</param>
    public void Write(IEnumerable<MetricFamily> families)
    {
        foreach (MetricFamily family in families)
        {
            family.Read(series =>
            {
                if (series.Count > 0)
                {
                    Write(family, series);
                }
            });
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
        byte[] sample = Encoding.UTF8.GetBytes(family.Name);
        foreach (MetricSeries one in series)
        {
            if (family.Kind == MetricKind.Histogram)
            {
                WriteBuckets(family, one);
            }
            else
            {
                Line(sample, one.Labels, one.Value);
            }
        }
    }

    private void WriteBuckets(MetricFamily family, MetricSeries one)
    {
        byte[] bucket = Encoding.UTF8.GetBytes(family.Name + "_bucket");
        string before = one.Labels.Length > 0 ? Encoding.UTF8.GetString(one.Labels) + "," : "";
        long below = 0;
        foreach ((double bound, long count) in family.Bounds.Zip(one.Buckets))
        {
            below += count;
            Line(bucket, Encoding.UTF8.GetBytes($"{before}le=\"{BoundOf(bound)}\""), below);
        }

        Line(bucket, Encoding.UTF8.GetBytes(before + "le=\"+Inf\""), one.Count);
        Line(Encoding.UTF8.GetBytes(family.Name + "_sum"), one.Labels, one.Value);
        Line(Encoding.UTF8.GetBytes(family.Name + "_count"), one.Labels, one.Count);
    }

    private void Line(ReadOnlySpan<byte> name, ReadOnlySpan<byte> labels, double value)
    {
        Span<byte> line = output.GetSpan(name.Length + labels.Length + MoreBytes);
        name.CopyTo(line);
        int length = name.Length;
        if (labels.Length > 0)
        {
            line[length++] = (byte)'{';
            labels.CopyTo(line[length..]);
            length += labels.Length;
            line[length++] = (byte)'}';
        }

        line[length++] = (byte)' ';
        length += Number(line[length..], value);
        line[length++] = (byte)'\n';
        output.Advance(length);
    }

    // Whole numbers in full up to the 53 bits that are exact; what Prometheus keeps is a double as well.
    private static int Number(Span<byte> text, double value)
    {
        int written;
        _ = Math.Abs(value) < 1L << 53 && Math.Floor(value) == value
            ? ((long)value).TryFormat(text, out written, provider: CultureInfo.InvariantCulture)
            : value.TryFormat(text, out written, "R", CultureInfo.InvariantCulture);
        return written;
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
