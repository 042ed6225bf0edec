using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Explanation;
using Datapath.Policy.Printing;

namespace Datapath.Agent.Documents;

/// <summary>What <c>datapath explain --json</c> and <c>GET /v1/explain</c> answer.</summary>
/// <param name="From">Who opens the connection, as asked.</param>
/// <param name="To">Who receives it, as asked.</param>
/// <param name="Port">The port, as asked.</param>
/// <param name="Verdict">The worst of all flows: <c>allowed</c>, <c>denied</c> or <c>unknown</c>.</param>
/// <param name="Problem">Why there is no answer, one sentence; null when there is one.</param>
/// <param name="Flows">One for each pair of ends and each different answer.</param>
internal sealed record ExplainDocument(
    string From,
    string To,
    string Port,
    string Verdict,
    string? Problem,
    ImmutableArray<ExplainedFlowDocument> Flows
)
{
    /// <summary>The explanation as JSON has it.</summary>
    public static ExplainDocument Of(string from, string to, string port, PolicyExplanation explanation) =>
        new(from, to, port, Wording.Of(explanation.Verdict), explanation.Problem, [.. explanation.Flows.Select(ExplainedFlowDocument.Of)]);

    /// <summary>The answer of somebody who knows no policy.</summary>
    public static ExplainDocument Without(string from, string to, string port, string problem) =>
        Of(from, to, port, new PolicyExplanation([], problem));
}

/// <summary>One connection.</summary>
/// <param name="Verdict"><c>allowed</c>, <c>denied</c> or <c>unknown</c>.</param>
/// <param name="Source">Who opens it.</param>
/// <param name="Destination">Who receives it.</param>
/// <param name="Outgoing">The decision of the source's policy; null when the source is no processing unit.</param>
/// <param name="Incoming">The decision of the destination's policy; null when the destination is no processing unit.</param>
/// <param name="Problem">Why it cannot be told; null when it can.</param>
internal sealed record ExplainedFlowDocument(
    string Verdict,
    ExplainedEndDocument Source,
    ExplainedEndDocument Destination,
    ExplainedSideDocument? Outgoing,
    ExplainedSideDocument? Incoming,
    string? Problem
)
{
    /// <summary>The flow as JSON has it.</summary>
    public static ExplainedFlowDocument Of(ExplainedFlow flow) =>
        new(
            Wording.Of(flow.Verdict),
            ExplainedEndDocument.Of(flow.Source),
            ExplainedEndDocument.Of(flow.Destination),
            flow.Outgoing is null ? null : ExplainedSideDocument.Of(flow.Outgoing),
            flow.Incoming is null ? null : ExplainedSideDocument.Of(flow.Incoming),
            flow.Problem
        );
}

/// <summary>One end of a connection.</summary>
/// <param name="Unit">Name of the processing unit; null for anybody else.</param>
/// <param name="Namespace">Its namespace; null for anybody else.</param>
/// <param name="Address">The address that was asked about; null when it is not known.</param>
/// <param name="Networks">External networks that contain it.</param>
internal sealed record ExplainedEndDocument(string? Unit, string? Namespace, string? Address, ImmutableArray<string> Networks)
{
    /// <summary>The end as JSON has it.</summary>
    public static ExplainedEndDocument Of(ExplainedEnd end)
    {
        UnitName? unit = end.Unit;
        return new ExplainedEndDocument(unit?.Name, unit?.Namespace, end.IsStandIn ? null : end.Address?.ToString(), end.IsStandIn ? [] : end.Networks);
    }
}

/// <summary>The decision of one side.</summary>
/// <param name="Unit">Who decides.</param>
/// <param name="Namespace">Its namespace.</param>
/// <param name="Direction"><c>incoming</c> or <c>outgoing</c>.</param>
/// <param name="Verdict"><c>allow</c> or <c>reject</c>.</param>
/// <param name="DecidedBy">The rule that decides.</param>
/// <param name="Because">What made it match the peer; null for what nobody wrote.</param>
/// <param name="Observed">A rule that only observes and matched too; null when there is none.</param>
/// <param name="ObservedVerdict">What that rule would have said; null without one.</param>
/// <param name="Path">The precedence rules in the order in which they are asked.</param>
/// <param name="NearestMiss">The rule that came nearest to allowing it; null when it is allowed, or when none came near.</param>
internal sealed record ExplainedSideDocument(
    string Unit,
    string Namespace,
    string Direction,
    string Verdict,
    NamedRuleDocument DecidedBy,
    string? Because,
    NamedRuleDocument? Observed,
    string? ObservedVerdict,
    ImmutableArray<PrecedenceStepDocument> Path,
    NearestMissDocument? NearestMiss
)
{
    /// <summary>The side as JSON has it.</summary>
    public static ExplainedSideDocument Of(ExplainedSide side) =>
        new(
            side.Unit.Name,
            side.Unit.Namespace,
            Wording.Of(side.Direction),
            Wording.Of(side.Judgement.Verdict),
            NamedRuleDocument.Of(side.Judgement.Rule, side.At),
            side.Because,
            side.Judgement.Observed is { } observed ? NamedRuleDocument.Of(observed, side.ObservedAt) : null,
            side.Judgement.Observed is null ? null : Wording.Of(side.Judgement.ObservedVerdict),
            [.. side.Path.Select(step => new PrecedenceStepDocument(step.Number, step.Name, step.Found, step.Decides))],
            side.Miss is { } miss ? new NearestMissDocument(NamedRuleDocument.Of(miss.Rule, miss.At), miss.Lacks) : null
        );
}

/// <summary>A rule and where it stands.</summary>
/// <param name="Text">Its name in one line.</param>
/// <param name="Rule">Its name in parts.</param>
/// <param name="File">The file; null for what nobody wrote.</param>
/// <param name="Line">From 1; null for what nobody wrote.</param>
/// <param name="Column">From 1; null for what nobody wrote.</param>
internal sealed record NamedRuleDocument(string Text, RuleDocument Rule, string? File, int? Line, int? Column)
{
    /// <summary>The rule as JSON has it.</summary>
    public static NamedRuleDocument Of(Datapath.Policy.Compilation.RuleIdentity rule, SourceSpan? at) =>
        new(PolicyText.Decider(rule), RuleDocument.From(rule)!, at?.File, at?.Line, at?.Column);
}

/// <summary>One of the precedence rules.</summary>
/// <param name="Number">Its place, from 1.</param>
/// <param name="Name">What is looked for.</param>
/// <param name="Found">What was found; null when nothing.</param>
/// <param name="Decides">Whether it is the first that found something.</param>
internal sealed record PrecedenceStepDocument(int Number, string Name, string? Found, bool Decides);

/// <summary>A rule that would have allowed a connection.</summary>
/// <param name="Rule">Which.</param>
/// <param name="Lacks">Everything that kept it from doing so.</param>
internal sealed record NearestMissDocument(NamedRuleDocument Rule, ImmutableArray<string> Lacks);
