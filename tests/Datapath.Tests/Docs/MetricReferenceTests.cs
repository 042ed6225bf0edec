using System.Text.Json;
using System.Text.RegularExpressions;
using Datapath.Agent.Metrics;
using Datapath.DocGen;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Docs;

public sealed partial class MetricReferenceTests
{
    [Fact]
    public void The_page_is_what_the_table_prints() => Golden.AssertMatches(Repository.PathOf("docs", "metrics.md"), MetricReference.Render());

    [Fact]
    public void Names_are_distinct_and_end_as_their_kind_wants()
    {
        Assert.Distinct(MetricTable.All.Select(metric => metric.PrometheusName), StringComparer.Ordinal);
        Assert.All(MetricTable.All, metric => Assert.Equal(metric.Kind == MetricKind.Counter, metric.PrometheusName.EndsWith("_total", StringComparison.Ordinal)));
        Assert.All(MetricTable.All, metric => Assert.Matches("^(datapath|process)_[a-z_]+$", metric.PrometheusName));
    }

    [Theory]
    [InlineData("alerts.yaml")]
    [InlineData("alerts.test.yaml")]
    [InlineData("dashboard.json")]
    public void Alerts_and_dashboard_ask_for_metrics_and_labels_that_exist(string file)
    {
        string text = File.ReadAllText(Repository.PathOf("docs", "monitoring", file)).Replace("\\\"", "\"", StringComparison.Ordinal);
        Dictionary<string, MetricDescription> known = MetricTable.All.ToDictionary(metric => metric.PrometheusName, StringComparer.Ordinal);
        MatchCollection asked = MetricName().Matches(text);
        Assert.True(asked.Count >= 10, $"{file} asks for {asked.Count} metrics only");
        foreach (Match one in asked)
        {
            string name = one.Groups["name"].Value;
            Assert.True(known.ContainsKey(name) || known.ContainsKey(HistogramSuffix().Replace(name, "")), name);
            string[] labels = [.. LabelName().Matches(one.Groups["labels"].Value).Select(label => label.Groups["label"].Value)];
            Assert.Empty(labels.Except(["instance", "job", .. known.GetValueOrDefault(name)?.Labels ?? []], StringComparer.Ordinal));
        }
    }

    [Fact]
    public void The_dashboard_is_json_whose_panels_have_places_of_their_own()
    {
        using JsonDocument dashboard = JsonDocument.Parse(File.ReadAllText(Repository.PathOf("docs", "monitoring", "dashboard.json")));
        var cells = dashboard
            .RootElement.GetProperty("panels")
            .EnumerateArray()
            .Select(panel => panel.GetProperty("gridPos"))
            .SelectMany(place =>
                from x in Enumerable.Range(place.GetProperty("x").GetInt32(), place.GetProperty("w").GetInt32())
                from y in Enumerable.Range(place.GetProperty("y").GetInt32(), place.GetProperty("h").GetInt32())
                select (x, y)
            )
            .ToList();
        Assert.NotEmpty(cells);
        Assert.Equal(cells.Distinct(), cells);
        Assert.All(cells, cell => Assert.InRange(cell.x, 0, 23));
    }

    [GeneratedRegex(@"\b(?<name>(datapath|process)_[a-z_]+)(\{(?<labels>[^}]*)\})?", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex MetricName();

    [GeneratedRegex(@"(?<label>[a-z_]+)(=|!=|=~|!~)""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex LabelName();

    [GeneratedRegex("_(bucket|sum|count)$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex HistogramSuffix();
}
