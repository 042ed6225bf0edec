using System.Collections.Immutable;

namespace Datapath.Backends.Iptables.Lowering;

/// <summary>
/// A policy while enforcement is paused: it judges as ever, connections included, and lets pass what is denied, counted under the rule that
/// denied it and without an event. So a connection that policy allows outlives the end of the pause.
/// </summary>
internal static class PausedPolicy
{
    private const string Drop = "-j DROP";

    /// <summary>The same policy, paused.</summary>
    /// <param name="policy">The policy.</param>
    public static LoweredPolicy Of(LoweredPolicy policy) => new(policy.Names, Paused(policy.IPv4), Paused(policy.IPv6));

    private static LoweredFamily Paused(LoweredFamily family) => family with { Numbered = [.. family.Numbered.Select(chain => Paused(family.Layout, chain))] };

    // Whoever drops reports first, and that is all that such a chain does.
    private static ImmutableArray<ChainRule> Paused(MarkLayout layout, ImmutableArray<ChainRule> chain) =>
        chain is [.., { Action: Drop } last]
            ? [layout.End(last.Matches.Replace($"--comment {LeafChains.CountMark}", $"--comment {LeafChains.PausedMark}", StringComparison.Ordinal))]
            : chain;
}
