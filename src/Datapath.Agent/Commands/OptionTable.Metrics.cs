using Datapath.Agent.Metrics;

namespace Datapath.Agent.Commands;

/// <content>Options of metrics.</content>
internal sealed partial class OptionTable
{
    /// <summary>Where the page is besides the socket.</summary>
    public AgentOption<MetricsListenAddress> MetricsListen { get; } =
        Option("--metrics-listen", "ADDRESS:PORT|none", "Where Prometheus may read metrics at /metrics, besides the agent's socket", "DATAPATH_METRICS_LISTEN", MetricsListenAddress.Default, "127.0.0.1:9469", MetricsText.Listen, sources);

    /// <summary>How many rules have metrics of their own.</summary>
    public AgentOption<int> MetricsPerRule { get; } =
        Option("--metrics-per-rule", "N", "Rules that have metrics of their own; when there are more, those that are seen to count first; 0 for none", "DATAPATH_METRICS_PER_RULE", AgentSettings.DefaultMetricsPerRule, "1000", MetricsText.Rules, sources);
}
