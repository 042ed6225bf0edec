using System.Collections.Immutable;
using System.Globalization;
using Datapath.Agent.Loops;
using Datapath.Backends;
using Datapath.Flows;
using Datapath.Policy.Inventory;

namespace Datapath.Agent.Documents;

/// <summary>The answer to <c>GET /v1/connections</c>: what the kernel remembers of live connections.</summary>
/// <param name="Time">When, RFC 3339.</param>
/// <param name="Total">How many there are; more than are listed when they were too many.</param>
/// <param name="Connections">By unit, then by their ends.</param>
internal sealed record ConnectionsDocument(string Time, long Total, ImmutableArray<ConnectionDocument> Connections)
{
    /// <summary>The connections as JSON has them.</summary>
    /// <param name="now">Now.</param>
    /// <param name="live">Of the backend.</param>
    /// <param name="names">What the numbers and addresses stand for.</param>
    /// <param name="starts">When they were opened.</param>
    public static ConnectionsDocument Of(DateTimeOffset now, LiveConnections live, FlowNames names, ConnectionStarts starts) =>
        new(
            FlowTimeText.Of(now),
            live.Total,
            [
                .. live
                    .Connections.OrderBy(one => one.Unit)
                    .ThenBy(one => one.Direction)
                    .ThenBy(one => one.Protocol)
                    .ThenBy(one => AddressKey.From(one.Opener.Address))
                    .ThenBy(one => one.Opener.Port)
                    .ThenBy(one => AddressKey.From(one.Answerer.Address))
                    .ThenBy(one => one.Answerer.Port)
                    .Select(one => ConnectionDocument.Of(now, one, names, one.Since ?? starts.Find(one))),
            ]
        );
}

/// <summary>A connection as one unit sees it.</summary>
/// <param name="Unit">Name of the unit.</param>
/// <param name="Direction"><c>incoming</c> or <c>outgoing</c>.</param>
/// <param name="Protocol">IP protocol number.</param>
/// <param name="SourceIP">Who opened it.</param>
/// <param name="SourcePort">Its port; the identifier of an ICMP echo.</param>
/// <param name="DestinationIP">Who was called.</param>
/// <param name="DestinationPort">Its port; the identifier of an ICMP echo.</param>
/// <param name="Source">Name of who opened it; null when the policy does not know the address.</param>
/// <param name="Destination">Name of who was called; null likewise.</param>
/// <param name="Type"><c>PU to PU</c>, <c>PU to Ext</c>, <c>Ext to PU</c>; <c>Existing</c> when it is older than enforcement and nobody has spoken since.</param>
/// <param name="State"><c>opening</c>, <c>established</c> or <c>closing</c>.</param>
/// <param name="Rule">The rule that lets it be; null when that is another unit's, or none yet.</param>
/// <param name="DurationSeconds">Since it was opened; null when neither the kernel nor this agent knows.</param>
/// <param name="IdleSeconds">Since somebody spoke last; null when the kernel does not tell.</param>
internal sealed record ConnectionDocument(
    string Unit,
    string Direction,
    int Protocol,
    string SourceIP,
    int SourcePort,
    string DestinationIP,
    int DestinationPort,
    string? Source,
    string? Destination,
    string Type,
    string State,
    RuleDocument? Rule,
    long? DurationSeconds,
    long? IdleSeconds
)
{
    private const string Existing = "Existing";

    /// <summary>The connection as JSON has it.</summary>
    /// <param name="now">Now.</param>
    /// <param name="one">Of the backend.</param>
    /// <param name="names">What the numbers and addresses stand for.</param>
    /// <param name="since">When it was opened; null when nobody knows.</param>
    public static ConnectionDocument Of(DateTimeOffset now, LiveConnection one, FlowNames names, DateTimeOffset? since)
    {
        FlowEndpoint unit = names.Unit(one.Unit) ?? FlowEndpoint.Unknown;
        bool isIncoming = one.Direction == Datapath.Policy.Compilation.Direction.Incoming;
        FlowEndpoint peer = names.Peer((isIncoming ? one.Opener : one.Answerer).Address);
        (FlowEndpoint source, FlowEndpoint destination) = isIncoming ? (peer, unit) : (unit, peer);
        return new ConnectionDocument(
            unit.Name.Length > 0 ? unit.Name : one.Unit.ToString(CultureInfo.InvariantCulture),
            Wording.Of(one.Direction),
            one.Protocol,
            one.Opener.Address.ToString(),
            one.Opener.Port,
            one.Answerer.Address.ToString(),
            one.Answerer.Port,
            NameOf(source),
            NameOf(destination),
            one.RuleIndex is null ? Existing
                : peer.Type == FlowEndpointType.ProcessingUnit ? "PU to PU"
                : isIncoming ? "Ext to PU"
                : "PU to Ext",
            one.State switch
            {
                LiveConnectionState.Opening => "opening",
                LiveConnectionState.Established => "established",
                _ => "closing",
            },
            one.RuleIndex is { } index ? RuleDocument.From(names.Rule(index)) : null,
            // Its event may be older than the answer of the kernel's clock.
            since is { } time ? Math.Max(0, (long)(now - time).TotalSeconds) : null,
            one.Idle is { } idle ? (long)idle.TotalSeconds : null
        );
    }

    private static string? NameOf(FlowEndpoint end) => end.Name.Length == 0 ? null : end.Name;
}
