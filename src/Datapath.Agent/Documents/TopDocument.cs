using System.Collections.Immutable;
using Datapath.Backends;
using Datapath.Flows;

namespace Datapath.Agent.Documents;

/// <summary>The answer to <c>GET /v1/top</c>: what happens most.</summary>
/// <param name="Time">When, RFC 3339.</param>
/// <param name="Flows">The busiest flows, the busiest first.</param>
/// <param name="Rules">Every rule that has judged a packet; exact totals, of which whoever asks twice makes rates.</param>
internal sealed record TopDocument(string Time, ImmutableArray<TopFlowDocument> Flows, ImmutableArray<TopRuleDocument> Rules)
{
    /// <summary>What happens most, as JSON has it.</summary>
    /// <param name="now">Now.</param>
    /// <param name="flows">The busiest flows.</param>
    /// <param name="counters">Of the backend.</param>
    /// <param name="names">What the numbers stand for.</param>
    public static TopDocument Of(DateTimeOffset now, ImmutableArray<BusyFlow> flows, BackendCounters counters, FlowNames names) =>
        new(
            FlowTimeText.Of(now),
            [.. flows.Select(TopFlowDocument.Of)],
            [
                .. counters
                    .Rules.Where(rule => rule.Value.Packets > 0)
                    .OrderBy(rule => rule.Key)
                    .Select(rule => new TopRuleDocument(rule.Key, RuleDocument.From(names.Rule(rule.Key)), rule.Value.Packets, rule.Value.Bytes)),
            ]
        );
}

/// <summary>A flow that happens often.</summary>
/// <param name="Action"><c>Accept</c> or <c>Reject</c>.</param>
/// <param name="Direction"><c>incoming</c> or <c>outgoing</c>.</param>
/// <param name="Source">Name of the sender; its address when the policy knows none.</param>
/// <param name="Destination">Name of the receiver; its address likewise.</param>
/// <param name="SourceIP">Address of the sender.</param>
/// <param name="DestinationIP">Address of the receiver.</param>
/// <param name="Protocol">IP protocol number.</param>
/// <param name="DestinationPort">Port of TCP, UDP and SCTP; <c>type &lt;&lt; 8 | code</c> of ICMP.</param>
/// <param name="Rule">The rule that decided; null when there was none.</param>
/// <param name="PerSecond">Connections, or drops, a second over the last ten.</param>
/// <param name="Total">Since the flow is remembered.</param>
internal sealed record TopFlowDocument(
    string Action,
    string Direction,
    string Source,
    string Destination,
    string SourceIP,
    string DestinationIP,
    int Protocol,
    int DestinationPort,
    RuleDocument? Rule,
    double PerSecond,
    long Total
)
{
    /// <summary>The flow as JSON has it.</summary>
    /// <param name="busy">Of the aggregator.</param>
    public static TopFlowDocument Of(BusyFlow busy)
    {
        FlowRecord flow = busy.Flow;
        string source = flow.Last.Source.ToString();
        string destination = flow.Last.Destination.ToString();
        return new TopFlowDocument(
            FlowWords.Of(flow.Last.Verdict),
            FlowWords.Of(flow.Last.Direction),
            flow.Source.Name.Length > 0 ? flow.Source.Name : source,
            flow.Destination.Name.Length > 0 ? flow.Destination.Name : destination,
            source,
            destination,
            flow.Last.Protocol,
            flow.Last.DestinationKey,
            RuleDocument.From(flow.Rule),
            Math.Round(busy.PerSecond, 3),
            flow.Count
        );
    }
}

/// <summary>A rule and what it has judged.</summary>
/// <param name="Index">Its number.</param>
/// <param name="Rule">Its name; null when no policy of ours knows it.</param>
/// <param name="Packets">Packets since the kernel objects were made.</param>
/// <param name="Bytes">Bytes likewise.</param>
internal sealed record TopRuleDocument(int Index, RuleDocument? Rule, long Packets, long Bytes);
