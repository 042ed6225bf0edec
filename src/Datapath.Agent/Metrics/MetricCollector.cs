using System.Diagnostics.Metrics;

namespace Datapath.Agent.Metrics;

/// <summary>Listens to the agent's meter and to the runtime's, and keeps what Prometheus will ask for.</summary>
internal sealed class MetricCollector : IDisposable
{
    // Of System.Diagnostics.DiagnosticSource: garbage collection, threads, exceptions, time.
    private const string RuntimeMeter = "System.Runtime";

    private readonly Lock _turn = new();
    private readonly Dictionary<Instrument, MetricFamily> _families = [];
    private readonly MeterListener _listener = new();

    /// <summary>Begins to listen to an agent and to the runtime.</summary>
    /// <param name="metrics">The agent's own; those of another agent in this process are not.</param>
    public MetricCollector(AgentMetrics metrics)
        : this(instrument => metrics.IsOurs(instrument) || instrument.Meter.Name == RuntimeMeter) { }

    /// <summary>Begins to listen.</summary>
    /// <param name="isWanted">To which instruments.</param>
    public MetricCollector(Predicate<Instrument> isWanted)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (isWanted(instrument))
            {
                listener.EnableMeasurementEvents(instrument, FamilyOf(instrument));
            }
        };
        _listener.SetMeasurementEventCallback<long>((_, value, tags, family) => Family(family).Measure(value, tags));
        _listener.SetMeasurementEventCallback<int>((_, value, tags, family) => Family(family).Measure(value, tags));
        _listener.SetMeasurementEventCallback<double>((_, value, tags, family) => Family(family).Measure(value, tags));
        _listener.Start();
    }

    /// <summary>Looks at everything now. One at a time; who comes second waits.</summary>
    /// <param name="use">Is given the families in the order of their names.</param>
    public void Collect(Action<IEnumerable<MetricFamily>> use)
    {
        lock (_turn)
        {
            MetricFamily[] families;
            lock (_families)
            {
                families = [.. _families.Values.OrderBy(family => family.Name, StringComparer.Ordinal)];
            }

            Array.ForEach(families, family => family.Begin());
            _listener.RecordObservableInstruments();
            use(families);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    private static MetricFamily Family(object? state) => (MetricFamily)state!;

    private MetricFamily FamilyOf(Instrument instrument)
    {
        MetricFamily family = new(instrument);
        lock (_families)
        {
            _families[instrument] = family;
        }

        return family;
    }
}
