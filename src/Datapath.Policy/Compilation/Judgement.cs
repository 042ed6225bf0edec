namespace Datapath.Policy.Compilation;

/// <summary>What a policy says of one connection.</summary>
/// <param name="Verdict">Whether it passes.</param>
/// <param name="Rule">The rule that decides.</param>
/// <param name="Flags">What kind of rule that is, and whether the flow is reported.</param>
/// <param name="Observed">An observing rule that matched too; null when there is none.</param>
/// <param name="ObservedVerdict">What the observing rule would have said; Reject without one.</param>
public sealed record Judgement(
    Verdict Verdict,
    RuleIdentity Rule,
    DescriptorFlags Flags,
    RuleIdentity? Observed,
    Verdict ObservedVerdict
);
