using System.Collections.Immutable;

namespace Datapath.Lab.Demo;

/// <summary>What came of an attempt.</summary>
/// <param name="Attempt">Who tried what, and what was expected.</param>
/// <param name="WasAnswered">What the socket saw.</param>
/// <param name="Judgements">Who decided according to the kernel's events; null when nobody listened to them.</param>
internal sealed record AttemptOutcome(Attempt Attempt, bool WasAnswered, ImmutableArray<Judgement>? Judgements)
{
    /// <summary>Whether the socket saw what was expected and exactly the expected units decided by the expected rules.</summary>
    public bool IsAsExpected =>
        WasAnswered == Attempt.IsAllowed
        && (Judgements is not { } judgements || judgements.ToHashSet().SetEquals(Attempt.Judgements));
}
