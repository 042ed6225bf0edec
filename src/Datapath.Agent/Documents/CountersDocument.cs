using System.Collections.Immutable;
using Datapath.Backends;
using Datapath.Flows;

namespace Datapath.Agent.Documents;

/// <summary>The answer to <c>GET /v1/counters</c>: exact totals since the kernel objects were made.</summary>
/// <param name="Time">When, RFC 3339.</param>
/// <param name="Rules">Every rule that has judged a packet.</param>
/// <param name="Drops">By the word for the reason.</param>
/// <param name="Statistics">Other counts by name.</param>
internal sealed record CountersDocument(
    string Time,
    ImmutableArray<TopRuleDocument> Rules,
    ImmutableSortedDictionary<string, DropCountDocument> Drops,
    ImmutableSortedDictionary<string, long> Statistics
)
{
    /// <summary>The counters as JSON has them.</summary>
    /// <param name="now">Now.</param>
    /// <param name="counters">Of the backend.</param>
    /// <param name="names">What the numbers stand for.</param>
    public static CountersDocument Of(DateTimeOffset now, BackendCounters counters, FlowNames names) =>
        new(
            FlowTimeText.Of(now),
            TopDocument.Of(now, [], counters, names).Rules,
            counters.Drops.ToImmutableSortedDictionary(one => Wording.Of(one.Key), one => new DropCountDocument(one.Value.Packets, one.Value.Bytes), StringComparer.Ordinal),
            counters.Statistics.ToImmutableSortedDictionary(StringComparer.Ordinal)
        );
}

/// <summary>What was dropped for a reason.</summary>
/// <param name="Packets">Packets.</param>
/// <param name="Bytes">Bytes.</param>
internal sealed record DropCountDocument(long Packets, long Bytes);
