using System.Diagnostics.Metrics;

namespace Datapath.Agent.Metrics;

/// <summary>The samples of one instrument.</summary>
/// <remarks>
/// Series are kept from one look to the next, with their text and in their order: to write ten thousand of them anew, and to sort them, was most of a
/// scrape.
/// </remarks>
internal sealed class MetricFamily
{
    private readonly Lock _turn = new();
    private readonly Dictionary<KeyValuePair<string, object?>[], MetricSeries> _series = new(MetricTags.Comparer);
    private readonly Dictionary<KeyValuePair<string, object?>[], MetricSeries>.AlternateLookup<ReadOnlySpan<KeyValuePair<string, object?>>> _byTags;
    private readonly bool _isLookedAt;
    private readonly bool _addsUp;
    private readonly double[] _bounds;
    private MetricSeries[]? _order;
    private long _look;

    /// <summary>Without samples.</summary>
    /// <param name="instrument">The instrument.</param>
    public MetricFamily(Instrument instrument)
    {
        _byTags = _series.GetAlternateLookup<ReadOnlySpan<KeyValuePair<string, object?>>>();
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
                _look++;
            }
        }
    }

    /// <summary>Takes a measurement; any thread.</summary>
    /// <param name="value">Its value.</param>
    /// <param name="tags">Its labels.</param>
    public void Measure(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        lock (_turn)
        {
            if (!_byTags.TryGetValue(tags, out MetricSeries? series))
            {
                _byTags[tags] = series = new MetricSeries(MetricTags.Text(tags), _bounds.Length);
                _order = null;
            }

            series.SeenIn(_look);
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

    /// <summary>Shows what it holds now, in the order of its labels; who measures meanwhile waits.</summary>
    /// <param name="use">Is given the series; they are not to be kept.</param>
    public void Read(Action<IReadOnlyList<MetricSeries>> use)
    {
        lock (_turn)
        {
            Forget();
            use(_order ??= [.. _series.Values.OrderBy(series => series.Labels, ByBytes)]);
        }
    }

    private static readonly Comparer<byte[]> ByBytes = Comparer<byte[]>.Create((left, right) => left.AsSpan().SequenceCompareTo(right));

    // What was not measured in the latest look is not there any more.
    private void Forget()
    {
        if (!_isLookedAt || _series.Values.All(series => series.Look == _look))
        {
            return;
        }

        foreach ((KeyValuePair<string, object?>[] tags, MetricSeries series) in _series)
        {
            if (series.Look != _look)
            {
                _series.Remove(tags);
            }
        }

        _order = null;
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
}

/// <summary>The samples with one set of labels.</summary>
/// <param name="labels">As the page has them, UTF-8, without braces.</param>
/// <param name="buckets">Buckets of a histogram, without the one to infinity; 0 for others.</param>
internal sealed class MetricSeries(byte[] labels, int buckets)
{
    private readonly long[] _buckets = new long[buckets];

    /// <summary>As the page has them, UTF-8.</summary>
    public byte[] Labels { get; } = labels;

    /// <summary>The look in which it was last measured.</summary>
    public long Look { get; private set; }

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

    /// <summary>It is measured; in a new look it begins at zero.</summary>
    /// <param name="look">The look.</param>
    public void SeenIn(long look)
    {
        if (Look != look)
        {
            (Look, Value) = (look, 0);
        }
    }
}
