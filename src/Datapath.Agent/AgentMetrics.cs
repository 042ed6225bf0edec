using System.Diagnostics.Metrics;
using Datapath.Agent.Documents;

namespace Datapath.Agent;

/// <summary>The one meter of the agent. Whoever exports metrics listens to its name; nothing is counted twice, the instruments ask who counts.</summary>
internal sealed class AgentMetrics : IDisposable
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "Datapath";

    private readonly Meter _meter = new(MeterName, AgentVersion.Current.Number);

    /// <summary>Instruments of flow events and records.</summary>
    /// <param name="status">What the agent says of itself.</param>
    public AgentMetrics(Func<StatusDocument> status)
    {
        _meter.CreateObservableCounter("datapath.flow.events", () => status().Events.Received, "{event}", "Flow events that the kernel handed over");
        _meter.CreateObservableCounter("datapath.flow.events.dropped", () => status().Records.Dropped, "{event}", "Flow events that there was no room for before they were records");
        _meter.CreateObservableCounter("datapath.flow.records", () => status().Records.Made, "{record}", "Flow records made");
        _meter.CreateObservableUpDownCounter("datapath.flow.aggregated", () => status().Records.Flows, "{flow}", "Flows whose repeats are counted");
        _meter.CreateObservableCounter("datapath.flow.displaced", () => status().Records.Displaced, "{flow}", "Flows reported before their time for want of room");
        _meter.CreateObservableCounter("datapath.sink.delivered", () => OfSinks(status(), sink => sink.Delivered), "{record}", "Flow records that a sink has taken");
        _meter.CreateObservableCounter("datapath.sink.dropped", () => OfSinks(status(), sink => sink.Dropped), "{record}", "Flow records that a sink was too slow for");
        _meter.CreateObservableCounter("datapath.sink.failures", () => OfSinks(status(), sink => sink.Failures), "{write}", "Writes to a sink that failed");
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private static IEnumerable<Measurement<long>> OfSinks(StatusDocument status, Func<SinkDocument, long> count) =>
        status.Records.Sinks.Select(sink => new Measurement<long>(count(sink), KeyValuePair.Create<string, object?>("sink", sink.Name)));
}
