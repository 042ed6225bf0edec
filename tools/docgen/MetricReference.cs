using Datapath.Agent.Metrics;

namespace Datapath.DocGen;

/// <summary>The page <c>docs/metrics.md</c>: every metric, from the table that the agent makes its instruments of.</summary>
public static class MetricReference
{
    /// <summary>The page.</summary>
    public static string Render()
    {
        Markdown page = new();
        page.Heading(1, "Metrics");
        page.Paragraph("<!-- Printed by `docgen metrics` from the tables in the code. Change those, not this. -->");
        page.Lines(MetricProse.Opening);
        page.Heading(2, "What there is");
        page.Table(["metric", "type", "labels", "what it says"], MetricTable.All.Select(Row));
        page.Heading(2, "Label values");
        page.Lines(MetricProse.Labels);
        page.Heading(2, "What each backend knows");
        page.Lines(MetricProse.Backends);
        page.Heading(2, "Dashboard and alerts");
        page.Lines(MetricProse.Monitoring);
        return page.ToString();
    }

    private static string[] Row(MetricDescription metric) =>
        [
            $"`{metric.PrometheusName}`",
            metric.Kind.ToString().ToLowerInvariant(),
            string.Join(", ", metric.Labels.Select(label => $"`{label}`")),
            metric.Help,
        ];
}
