using Datapath.Policy.Resolution;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>A compilation with what it was made from.</summary>
/// <param name="Resolved">What it was made from.</param>
/// <param name="Numbers">For each unit its local number.</param>
/// <param name="Result">What came out.</param>
internal sealed record CompilationTrace(ResolvedPolicy Resolved, int[] Numbers, PolicyCompilation Result)
{
    /// <summary>The compilation of what differs in nothing but addresses of units, all of which are in classes that there are.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="indexes">The numbers given away so far.</param>
    /// <param name="memory">Knows the classes of the last compilation, and those of this one afterwards.</param>
    /// <returns>Null when there is more to do.</returns>
    public CompilationTrace? Follow(ResolvedPolicy policy, RuleIndexes indexes, CompilationMemory memory)
    {
        if (!ReferenceEquals(indexes, Result.Indexes) || Result.Policy is null || !IsSameButAddresses(policy) || memory.Peers?.After(policy, Numbers) is not { } peers)
        {
            return null;
        }
        memory.Peers = peers;
        return this with { Resolved = policy, Result = Result with { Policy = Result.Policy with { Peers = peers.Map } } };
    }

    private bool IsSameButAddresses(ResolvedPolicy policy) =>
        policy with { Units = Resolved.Units } == Resolved
        && policy.Units.Length == Resolved.Units.Length
        && policy.Units.Zip(Resolved.Units, (unit, known) => ReferenceEquals(unit, known) || unit with { Addresses = known.Addresses } == known).All(same => same);
}
