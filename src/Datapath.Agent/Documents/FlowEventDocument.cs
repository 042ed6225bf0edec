using System.Globalization;
using Datapath.Agent.Loops;
using Datapath.Flows;
using Datapath.Policy.Compilation;

namespace Datapath.Agent.Documents;

/// <summary>One line of <c>GET /v1/events</c>.</summary>
internal sealed record FlowEventDocument
{
    private const byte Icmp = 1;
    private const byte Tcp = 6;
    private const byte Udp = 17;
    private const byte Icmp6 = 58;

    /// <summary>When the kernel judged: RFC 3339, UTC, with microseconds.</summary>
    public required string Time { get; init; }

    /// <summary>Name of the unit that was judged; its number in decimal when the name is not known.</summary>
    public required string Unit { get; init; }

    /// <summary>Number of the unit.</summary>
    public required int UnitNumber { get; init; }

    /// <summary><c>incoming</c> or <c>outgoing</c>, seen from the unit.</summary>
    public required string Direction { get; init; }

    /// <summary><c>allow</c> or <c>reject</c>.</summary>
    public required string Verdict { get; init; }

    /// <summary>Why it was dropped; <c>none</c> when it passed.</summary>
    public required string Reason { get; init; }

    /// <summary>The rule that decided; 0 when no rule was asked.</summary>
    public required int RuleIndex { get; init; }

    /// <summary>That rule's name; null when there is none.</summary>
    public required RuleDocument? Rule { get; init; }

    /// <summary>The observing rule that matched too; null when there is none.</summary>
    public required RuleDocument? ObservedRule { get; init; }

    /// <summary>What the observing rule would have said; null when there is none.</summary>
    public required string? ObservedVerdict { get; init; }

    /// <summary>IP protocol number.</summary>
    public required int Protocol { get; init; }

    /// <summary>Source address as on the wire.</summary>
    public required string Source { get; init; }

    /// <summary>Source port; the identifier of an ICMP echo; 0 where there is none.</summary>
    public required int SourcePort { get; init; }

    /// <summary>Destination address as on the wire.</summary>
    public required string Destination { get; init; }

    /// <summary>Destination port of TCP and UDP, otherwise 0.</summary>
    public required int DestinationPort { get; init; }

    /// <summary>Type of ICMP and ICMPv6, otherwise null.</summary>
    public required int? IcmpType { get; init; }

    /// <summary>Code of ICMP and ICMPv6, otherwise null.</summary>
    public required int? IcmpCode { get; init; }

    /// <summary>Where the packet was judged, such as <c>tc-ingress</c>.</summary>
    public required string Hook { get; init; }

    /// <summary>Who sent it; null where the hook does not know.</summary>
    public required FlowProcessDocument? Process { get; init; }

    /// <summary>The generation that it was judged by.</summary>
    public required uint Generation { get; init; }

    /// <summary>The event as JSON has it.</summary>
    /// <param name="named">The event and its names.</param>
    public static FlowEventDocument From(NamedFlowEvent named)
    {
        FlowEvent flow = named.Event;
        bool isIcmp = flow.Protocol is Icmp or Icmp6;
        return new FlowEventDocument
        {
            Time = flow.Time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture),
            Unit = named.UnitName ?? flow.Unit.ToString(CultureInfo.InvariantCulture),
            UnitNumber = flow.Unit,
            Direction = Wording.Of(flow.Direction),
            Verdict = Wording.Of(flow.Verdict),
            Reason = Wording.Of(flow.Reason),
            RuleIndex = flow.RuleIndex,
            Rule = RuleDocument.From(named.Rule),
            ObservedRule = RuleDocument.From(named.ObservedRule),
            ObservedVerdict = flow.ObservedRuleIndex == 0 ? null : Wording.Of(flow.ObservedVerdict),
            Protocol = flow.Protocol,
            Source = flow.Source.ToString(),
            SourcePort = flow.SourcePort,
            Destination = flow.Destination.ToString(),
            DestinationPort = flow.Protocol is Tcp or Udp ? flow.DestinationKey : 0,
            IcmpType = isIcmp ? flow.DestinationKey >> 8 : null,
            IcmpCode = isIcmp ? flow.DestinationKey & 0xff : null,
            Hook = flow.Hook,
            Process = flow.Process is { } process ? new FlowProcessDocument(process.Id, process.UserId, process.Command, process.Cgroup) : null,
            Generation = flow.Generation,
        };
    }
}

/// <summary>A process of this host.</summary>
/// <param name="Id">Its number; 0 when only the cgroup is known.</param>
/// <param name="UserId">Number of its user.</param>
/// <param name="Command">Its name.</param>
/// <param name="Cgroup">Path of its cgroup.</param>
internal sealed record FlowProcessDocument(int Id, uint UserId, string Command, string Cgroup);

/// <summary>The name of a rule.</summary>
/// <param name="Kind"><c>ruleset</c>, <c>default</c>, <c>built-in</c>, <c>failsafe</c> or <c>local</c>.</param>
/// <param name="Namespace">Namespace of the ruleset or default; empty for the others.</param>
/// <param name="Ruleset">Name of the ruleset, default, built-in or failsafe port.</param>
/// <param name="Direction"><c>incoming</c> or <c>outgoing</c> rules.</param>
/// <param name="Position">Place among the rules of that direction, from 1; 0 for what nobody wrote.</param>
/// <param name="Name">The rule's own name; empty when it has none.</param>
internal sealed record RuleDocument(
    string Kind,
    string Namespace,
    string Ruleset,
    string Direction,
    int Position,
    string Name
)
{
    /// <summary>The rule as JSON has it.</summary>
    /// <param name="rule">Null stays null.</param>
    public static RuleDocument? From(RuleIdentity? rule) =>
        rule is null
            ? null
            : new(Wording.Of(rule.Kind), rule.Namespace, rule.Ruleset, Wording.Of(rule.Direction), rule.Position, rule.RuleName);
}
