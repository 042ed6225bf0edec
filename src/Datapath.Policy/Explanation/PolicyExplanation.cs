using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Inventory;

namespace Datapath.Policy.Explanation;

/// <summary>Why connections pass or do not.</summary>
/// <param name="Flows">One for each pair of ends and each different answer; empty when the question has no sense.</param>
/// <param name="Problem">Why there is no answer, one sentence; null when there is one.</param>
public sealed record PolicyExplanation(ImmutableArray<ExplainedFlow> Flows, string? Problem)
{
    /// <summary>The worst of all flows.</summary>
    public FlowVerdict Verdict => Problem is null ? Flows.Max(flow => flow.Verdict) : FlowVerdict.CannotTell;
}

/// <summary>What becomes of a connection, the worst last.</summary>
public enum FlowVerdict
{
    /// <summary>Every side that decides allows it.</summary>
    Allowed,

    /// <summary>A side rejects it.</summary>
    Denied,

    /// <summary>The policy does not say, or the question is not complete.</summary>
    CannotTell,
}

/// <summary>One connection with the decisions of both sides.</summary>
/// <param name="Source">Who opens it.</param>
/// <param name="Destination">Who receives it.</param>
/// <param name="Outgoing">What the source's policy says; null when the source is no processing unit.</param>
/// <param name="Incoming">What the destination's policy says; null when the destination is no processing unit.</param>
/// <param name="Problem">Why it cannot be told; null when it can.</param>
public sealed record ExplainedFlow(ExplainedEnd Source, ExplainedEnd Destination, ExplainedSide? Outgoing, ExplainedSide? Incoming, string? Problem)
{
    /// <summary>Both sides have to allow it.</summary>
    public FlowVerdict Verdict =>
        Problem is not null ? FlowVerdict.CannotTell
        : Outgoing?.Judgement.Verdict == Compilation.Verdict.Reject || Incoming?.Judgement.Verdict == Compilation.Verdict.Reject ? FlowVerdict.Denied
        : FlowVerdict.Allowed;
}

/// <summary>One end of a connection.</summary>
/// <param name="Unit">The processing unit; null for anybody else.</param>
/// <param name="Address">The address that was asked about; null when there was none to ask.</param>
/// <param name="Networks">Names of the external networks that contain the address, in written order.</param>
public sealed record ExplainedEnd(UnitName? Unit, AddressKey? Address, ImmutableArray<string> Networks)
{
    /// <summary>The unit's address is not known: one that lies in no network but those of everything stands for it.</summary>
    public bool IsStandIn => Address is { } address && StandInAddress.Is(address);
}

/// <summary>The decision of one side.</summary>
public sealed record ExplainedSide
{
    /// <summary>Who decides.</summary>
    public required UnitName Unit { get; init; }

    /// <summary>By its incoming or by its outgoing rules.</summary>
    public required Direction Direction { get; init; }

    /// <summary>The decision, as the evaluator gives it.</summary>
    public required Judgement Judgement { get; init; }

    /// <summary>Where the deciding rule stands; null for what nobody wrote.</summary>
    public required SourceSpan? At { get; init; }

    /// <summary>Where the observing rule stands; null when there is none.</summary>
    public required SourceSpan? ObservedAt { get; init; }

    /// <summary>What made the deciding rule match the peer, such as <c>web has app=web</c>; null for what nobody wrote.</summary>
    public required string? Because { get; init; }

    /// <summary>The precedence rules in the order in which they are asked.</summary>
    public required ImmutableArray<PrecedenceStep> Path { get; init; }

    /// <summary>The rule that came nearest to allowing it; null when it is allowed, or when none came near.</summary>
    public required NearestMiss? Miss { get; init; }
}

/// <summary>One of the precedence rules.</summary>
/// <param name="Number">Its place, from 1.</param>
/// <param name="Name">What is looked for.</param>
/// <param name="Found">What was found; null when nothing.</param>
/// <param name="Decides">Whether it is the first that found something.</param>
public sealed record PrecedenceStep(int Number, string Name, string? Found, bool Decides);

/// <summary>A rule that would have allowed a connection.</summary>
/// <param name="Rule">Who it is.</param>
/// <param name="At">Where it stands.</param>
/// <param name="Lacks">Everything that kept it from doing so, each one sentence without a full stop.</param>
public sealed record NearestMiss(RuleIdentity Rule, SourceSpan At, ImmutableArray<string> Lacks);
