using System.Collections.Immutable;

namespace Datapath.Agent.Documents;

/// <summary>What became of flow events on their way to records and sinks.</summary>
/// <param name="Made">Records made since this agent started.</param>
/// <param name="Dropped">Events that there was no room for before they were records.</param>
/// <param name="Flows">Flows whose repeats are counted now.</param>
/// <param name="Displaced">Flows whose repeats were reported before their time because there was no room for more.</param>
/// <param name="Sinks">Where records go.</param>
internal sealed record RecordsDocument(long Made, long Dropped, long Flows, long Displaced, ImmutableArray<SinkDocument> Sinks)
{
    /// <summary>Before anything has happened.</summary>
    public static RecordsDocument None { get; } = new(0, 0, 0, 0, []);
}

/// <summary>A sink of flow records.</summary>
/// <param name="Name"><c>file</c>, <c>stdout</c>, <c>syslog</c> or <c>otlp</c>.</param>
/// <param name="Delivered">Records that it has taken.</param>
/// <param name="Dropped">Records that it was too slow for, or that do not fit into a message.</param>
/// <param name="Failures">Writes that failed; each was tried again.</param>
/// <param name="Problem">Why it does not work now; null when it does.</param>
internal sealed record SinkDocument(string Name, long Delivered, long Dropped, long Failures, string? Problem);
