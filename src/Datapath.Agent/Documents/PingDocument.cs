using System.Collections.Immutable;
using Datapath.Agent.Loops;
using Datapath.Backends.Probing;
using Datapath.Policy.Printing;

namespace Datapath.Agent.Documents;

/// <summary>The answer to <c>POST /v1/ping</c>: one probe from a processing unit of this host.</summary>
/// <param name="Unit">Name of the unit.</param>
/// <param name="Namespace">Its namespace.</param>
/// <param name="Mode"><c>l3</c> for an echo, <c>l4</c> for a TCP connection.</param>
/// <param name="Source">Where the probe came from.</param>
/// <param name="SourcePort">Its port; the identifier of an echo.</param>
/// <param name="Destination">Whom it was to reach.</param>
/// <param name="DestinationPort">The port; 0 of an echo.</param>
/// <param name="Policy">What the policy of this host says of it.</param>
/// <param name="Judged">What packets of it were told at the hooks, as far as that is reported.</param>
/// <param name="LeftBy">Interfaces of the host that it was seen to leave by.</param>
/// <param name="Nat">Of <c>SNAT</c>, <c>DNAT</c>, <c>SPAT</c>, <c>DPAT</c> what was seen; null when nothing here tracks connections.</param>
/// <param name="OnWire">Both ends after translation, such as <c>192.0.2.1:40000 -&gt; 192.0.2.7:443</c>; null without one.</param>
/// <param name="Outcome"><c>answered</c>, <c>refused</c>, <c>unreachable</c> or <c>silent</c>.</param>
/// <param name="RoundTripMilliseconds">Until the answer; null without one.</param>
/// <param name="Error">What the system said; null when it said nothing.</param>
internal sealed record PingDocument(
    string Unit,
    string Namespace,
    string Mode,
    string Source,
    int SourcePort,
    string Destination,
    int DestinationPort,
    ExplainDocument Policy,
    ImmutableArray<PingJudgementDocument> Judged,
    ImmutableArray<string> LeftBy,
    ImmutableArray<string>? Nat,
    string? OnWire,
    string Outcome,
    double? RoundTripMilliseconds,
    string? Error
)
{
    /// <summary>An echo.</summary>
    public const string Layer3 = "l3";

    /// <summary>A TCP connection.</summary>
    public const string Layer4 = "l4";

    /// <summary>Somebody answered.</summary>
    public const string Answered = "answered";

    /// <summary>The word for an outcome.</summary>
    /// <param name="outcome">Of a probe.</param>
    public static string WordOf(ProbeOutcome outcome) =>
        outcome switch
        {
            ProbeOutcome.Answered => Answered,
            ProbeOutcome.Refused => "refused",
            ProbeOutcome.Unreachable => "unreachable",
            _ => "silent",
        };
}

/// <summary>What a judge said of the probe.</summary>
/// <param name="Unit">Name of the unit whose judge it was.</param>
/// <param name="Direction"><c>incoming</c> or <c>outgoing</c>, seen from it.</param>
/// <param name="Verdict"><c>allow</c> or <c>reject</c>.</param>
/// <param name="Reason">Why it was dropped; <c>none</c> when it passed.</param>
/// <param name="DecidedBy">The rule; null when none was asked.</param>
internal sealed record PingJudgementDocument(string Unit, string Direction, string Verdict, string Reason, string? DecidedBy)
{
    /// <summary>The judgement as JSON has it.</summary>
    /// <param name="named">Of the kernel.</param>
    public static PingJudgementDocument Of(NamedFlowEvent named) =>
        new(
            named.UnitName ?? named.Event.Unit.ToString(System.Globalization.CultureInfo.InvariantCulture),
            Wording.Of(named.Event.Direction),
            Wording.Of(named.Event.Verdict),
            Wording.Of(named.Event.Reason),
            named.Rule is { } rule ? PolicyText.Decider(rule) : null
        );
}
