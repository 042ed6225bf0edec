using System.Diagnostics.Metrics;
using System.Text;

namespace Datapath.Agent.Metrics;

/// <summary>The samples of one instrument.</summary>
internal sealed class MetricFamily
{
    private readonly Lock _turn = new();
    private readonly Dictionary<string, MetricSeries> _series = new(StringComparer.Ordinal);
    private readonly bool _isLookedAt;
    private readonly bool _addsUp;
    private readonly double[] _bounds;

    /// <summary>Without samples.</summary>
    /// <param name="instrument">The instrument.</param>
    public MetricFamily(Instrument instrument)
    {
        Kind = KindOf(instrument);
        Name = PrometheusName.Of(instrument.Name, instrument.Unit, Kind);
        Help = instrument.Description ?? "";
        _isLookedAt = instrument.IsObservable;
        // What is told gives steps; totals that are looked at share a series when their labels are the same.
        _addsUp = Kind == MetricKind.Counter || ShapeOf(instrument) == typeof(UpDownCounter<>);
        _bounds = instrument is Histogram<double> { Advice.HistogramBucketBoundaries: { } bounds } ? [.. bounds] : [];
    }

    /// <summary>What it counts like.</summary>
    public MetricKind Kind { get; }

    /// <summary>Name of its samples; of a histogram without their suffixes.</summary>
    public string Name { get; }

    /// <summary>One sentence.</summary>
    public string Help { get; }

    /// <summary>Upper bounds of the buckets of a histogram, ascending, without infinity.</summary>
    public IReadOnlyList<double> Bounds => _bounds;

    /// <summary>Forgets what instruments are about to say again.</summary>
    public void Begin()
    {
        if (_isLookedAt)
        {
            lock (_turn)
            {
                _series.Clear();
            }
        }
    }

    /// <summary>Takes a measurement; any thread.</summary>
    /// <param name="value">Its value.</param>
    /// <param name="tags">Its labels.</param>
    public void Measure(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string labels = LabelText(tags);
        lock (_turn)
        {
            if (!_series.TryGetValue(labels, out MetricSeries? series))
            {
                _series.Add(labels, series = new MetricSeries(labels, _bounds.Length));
            }

            if (Kind == MetricKind.Histogram)
            {
                series.Observe(value, _bounds);
            }
            else
            {
                series.Value = _addsUp ? series.Value + value : value;
            }
        }
    }

    /// <summary>What it holds now, in the order of its labels.</summary>
    public IReadOnlyList<MetricSeries> Read()
    {
        lock (_turn)
        {
            return [.. _series.Values.Select(series => series.Copy()).OrderBy(series => series.Labels, StringComparer.Ordinal)];
        }
    }

    private static MetricKind KindOf(Instrument instrument)
    {
        Type? shape = ShapeOf(instrument);
        return shape == typeof(Counter<>) || shape == typeof(ObservableCounter<>) ? MetricKind.Counter
            : shape == typeof(Histogram<>) ? MetricKind.Histogram
            : instrument.Name.EndsWith(".info", StringComparison.Ordinal) ? MetricKind.Info
            : MetricKind.Gauge;
    }

    private static Type? ShapeOf(Instrument instrument) => instrument.GetType() is { IsGenericType: true } type ? type.GetGenericTypeDefinition() : null;

    // a="x",b="y", values escaped as both forms of the page have it.
    private static string LabelText(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.IsEmpty)
        {
            return "";
        }

        StringBuilder text = new();
        foreach ((string name, object? value) in tags)
        {
            text.Append(text.Length > 0 ? "," : "").Append(PrometheusName.Word(name)).Append("=\"");
            foreach (char letter in value?.ToString() ?? "")
            {
                _ = letter switch
                {
                    '\\' => text.Append(@"\\"),
                    '"' => text.Append("\\\""),
                    '\n' => text.Append("\\n"),
                    _ => text.Append(letter),
                };
            }

            text.Append('"');
        }

        return text.ToString();
    }
}

/// <summary>The samples with one set of labels.</summary>
/// <param name="labels">As the page has them, without braces.</param>
/// <param name="buckets">Buckets of a histogram, without the one to infinity; 0 for others.</param>
internal sealed class MetricSeries(string labels, int buckets)
{
    private long[] _buckets = new long[buckets];

    /// <summary>As the page has them.</summary>
    public string Labels { get; } = labels;

    /// <summary>The value; of a histogram the sum of its measurements.</summary>
    public double Value { get; set; }

    /// <summary>Measurements of a histogram.</summary>
    public long Count { get; private set; }

    /// <summary>Measurements of a histogram in each bucket, not cumulated.</summary>
    public IReadOnlyList<long> Buckets => _buckets;

    /// <summary>Takes a measurement of a histogram.</summary>
    /// <param name="value">Its value.</param>
    /// <param name="bounds">Upper bounds, inclusive.</param>
    public void Observe(double value, double[] bounds)
    {
        Count++;
        Value += value;
        int bucket = Array.FindIndex(bounds, bound => value <= bound);
        if (bucket >= 0)
        {
            _buckets[bucket]++;
        }
    }

    /// <summary>The same, which nobody changes.</summary>
    public MetricSeries Copy() => new(Labels, 0) { Value = Value, Count = Count, _buckets = [.. _buckets] };
}
