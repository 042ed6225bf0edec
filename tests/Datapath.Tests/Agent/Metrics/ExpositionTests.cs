using System.Buffers;
using System.Diagnostics.Metrics;
using System.Text;
using Datapath.Agent.Metrics;
using Xunit;

namespace Datapath.Tests.Agent.Metrics;

public sealed class ExpositionTests
{
    [Theory]
    [InlineData("datapath.flow.events", "{event}", nameof(MetricKind.Counter), "datapath_flow_events_total")]
    [InlineData("datapath.verdict", "By", nameof(MetricKind.Counter), "datapath_verdict_bytes_total")]
    [InlineData("datapath.policy.apply.duration", "s", nameof(MetricKind.Histogram), "datapath_policy_apply_duration_seconds")]
    [InlineData("some.bytes", "By", nameof(MetricKind.Gauge), "some_bytes")]
    [InlineData("some.share", "1", nameof(MetricKind.Gauge), "some_share_ratio")]
    [InlineData("dotnet.timer.count", "{timer}", nameof(MetricKind.Gauge), "dotnet_timer")]
    [InlineData("datapath.backend.info", "", nameof(MetricKind.Info), "datapath_backend_info")]
    public void Names_follow_the_conventions(string instrument, string unit, string kind, string expected) =>
        Assert.Equal(expected, PrometheusName.Of(instrument, unit, Enum.Parse<MetricKind>(kind)));

    [Theory]
    [InlineData("", nameof(ExpositionFormat.Text))]
    [InlineData("*/*", nameof(ExpositionFormat.Text))]
    [InlineData("text/html, */*;q=0.8", nameof(ExpositionFormat.Text))]
    [InlineData("application/openmetrics-text", nameof(ExpositionFormat.OpenMetrics))]
    [InlineData("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", nameof(ExpositionFormat.OpenMetrics))]
    [InlineData("application/openmetrics-text; version=1.0.0; charset=utf-8; q=0.4, text/plain;version=0.0.4;q=0.6", nameof(ExpositionFormat.Text))]
    [InlineData("application/openmetrics-text;version=2.0.0,text/plain;q=0.1", nameof(ExpositionFormat.Text))]
    [InlineData("application/openmetrics-text;q=0", nameof(ExpositionFormat.Text))]
    public void Who_asks_says_which_form_it_wants(string accept, string expected) => Assert.Equal(expected, ExpositionFormats.Negotiate([accept]).ToString());

    [Fact]
    public void Both_forms_escape_what_would_end_a_label()
    {
        using Bench bench = new();
        Counter<long> counter = bench.Meter.CreateCounter<long>("some.thing", "{thing}", "Says \"so\"\nor \\ not");
        bench.Listen();
        counter.Add(2, new KeyValuePair<string, object?>("rule.name", "a\"b\\c\nd"));
        counter.Add(3, new KeyValuePair<string, object?>("rule.name", "a\"b\\c\nd"));
        const string Line = "some_thing_total{rule_name=\"a\\\"b\\\\c\\nd\"} 5\n";
        Assert.Equal("# HELP some_thing_total Says \"so\"\\nor \\\\ not\n# TYPE some_thing_total counter\n" + Line, bench.Page(ExpositionFormat.Text));
        Assert.Equal("# HELP some_thing Says \\\"so\\\"\\nor \\\\ not\n# TYPE some_thing counter\n" + Line + "# EOF\n", bench.Page(ExpositionFormat.OpenMetrics));
    }

    [Fact]
    public void A_histogram_has_cumulated_buckets_a_sum_and_a_count()
    {
        using Bench bench = new();
        Histogram<double> histogram = bench.Meter.CreateHistogram("some.time", "s", "Took", tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.5, 1, 2.5] });
        bench.Listen();
        foreach (double value in new[] { 0.25, 0.5, 1.5, 100 })
        {
            histogram.Record(value);
        }

        Assert.Equal(
            """
            # HELP some_time_seconds Took
            # TYPE some_time_seconds histogram
            some_time_seconds_bucket{le="0.5"} 2
            some_time_seconds_bucket{le="1.0"} 2
            some_time_seconds_bucket{le="2.5"} 3
            some_time_seconds_bucket{le="+Inf"} 4
            some_time_seconds_sum 102.25
            some_time_seconds_count 4

            """,
            bench.Page(ExpositionFormat.Text)
        );
    }

    [Fact]
    public void What_is_not_measured_any_more_is_not_shown()
    {
        using Bench bench = new();
        List<Measurement<long>> now = [new(7, new KeyValuePair<string, object?>("of", "a")), new(9_007_199_254_740_991, new KeyValuePair<string, object?>("of", "b"))];
        bench.Meter.CreateObservableGauge("some.level", () => now);
        bench.Listen();
        Assert.EndsWith("some_level{of=\"a\"} 7\nsome_level{of=\"b\"} 9007199254740991\n", bench.Page(ExpositionFormat.Text), StringComparison.Ordinal);
        now.RemoveAt(0);
        Assert.Equal("# HELP some_level \n# TYPE some_level gauge\nsome_level{of=\"b\"} 9007199254740991\n", bench.Page(ExpositionFormat.Text));
        now.Clear();
        Assert.Empty(bench.Page(ExpositionFormat.Text));
    }

    [Fact]
    public void Each_look_counts_anew_and_a_series_that_comes_has_its_place()
    {
        using Bench bench = new();
        List<Measurement<long>> now = [new(2, new KeyValuePair<string, object?>("of", "c")), new(3, new KeyValuePair<string, object?>("of", "a")), new(4, new KeyValuePair<string, object?>("of", "a"))];
        bench.Meter.CreateObservableCounter("some.thing", () => now);
        bench.Listen();
        const string Head = "# HELP some_thing_total \n# TYPE some_thing_total counter\n";
        const string First = Head + "some_thing_total{of=\"a\"} 7\nsome_thing_total{of=\"c\"} 2\n";
        Assert.Equal(First, bench.Page(ExpositionFormat.Text));
        Assert.Equal(First, bench.Page(ExpositionFormat.Text));
        now.Add(new(5, new KeyValuePair<string, object?>("of", "b")));
        Assert.Equal(Head + "some_thing_total{of=\"a\"} 7\nsome_thing_total{of=\"b\"} 5\nsome_thing_total{of=\"c\"} 2\n", bench.Page(ExpositionFormat.Text));
    }

    [Fact]
    public void What_never_changes_is_info_to_openmetrics()
    {
        using Bench bench = new();
        bench.Meter.CreateObservableGauge("some.info", () => new Measurement<long>(1, new KeyValuePair<string, object?>("version", "1.2")), unit: "", "Which");
        bench.Listen();
        Assert.Equal("# HELP some Which\n# TYPE some info\nsome_info{version=\"1.2\"} 1\n# EOF\n", bench.Page(ExpositionFormat.OpenMetrics));
        Assert.Equal("# HELP some_info Which\n# TYPE some_info gauge\nsome_info{version=\"1.2\"} 1\n", bench.Page(ExpositionFormat.Text));
    }

    /// <summary>A meter of the test's own and a page of it.</summary>
    private sealed class Bench : IDisposable
    {
        private MetricCollector? _collector;

        public Meter Meter { get; } = new($"bench-{Guid.NewGuid()}");

        public void Listen() => _collector = new MetricCollector(instrument => ReferenceEquals(instrument.Meter, Meter));

        public string Page(ExpositionFormat format)
        {
            ArrayBufferWriter<byte> page = new();
            _collector!.Collect(families => new ExpositionWriter(page, format).Write(families));
            return Encoding.UTF8.GetString(page.WrittenSpan);
        }

        public void Dispose()
        {
            _collector?.Dispose();
            Meter.Dispose();
        }
    }
}
