using System.Collections.Immutable;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Policy.Evaluation;

namespace Datapath.Shared.Oracle;

/// <summary>What one unit says of one packet.</summary>
/// <param name="Unit">Who judges; null for the host.</param>
/// <param name="Direction">Of the packet, seen from the unit.</param>
/// <param name="Reason">Why it is dropped; none when it passes.</param>
/// <param name="By">The rule that decides, and what else is known of it; null when no rule was asked.</param>
/// <param name="IsNewFlow">Whether the packet opened a flow.</param>
/// <param name="Why">Which sentence of the design decided: for counting what a run has reached.</param>
internal sealed record Ruling(UnitName? Unit, Direction Direction, DropReason Reason, Judgement? By, bool IsNewFlow, string Why)
{
    public Verdict Verdict => Reason == DropReason.None ? Verdict.Allow : Verdict.Reject;

    /// <summary>New flows and drops are reported, unless the rule asks for silence.</summary>
    public bool IsReported => (IsNewFlow || Reason != DropReason.None) && (By is null || By.Flags.HasFlag(DescriptorFlags.Log));
}

/// <summary>What becomes of a packet.</summary>
/// <param name="Rulings">Of each unit that was asked, in order; empty where nobody is.</param>
internal sealed record Outcome(ImmutableArray<Ruling> Rulings)
{
    public bool Passes => Rulings.All(one => one.Verdict == Verdict.Allow);
}
