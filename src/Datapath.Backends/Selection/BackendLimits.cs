using System.Collections.Immutable;

namespace Datapath.Backends.Selection;

/// <summary>What a backend cannot do whatever the host has; <c>docs/decisions/0020</c> says where it judges otherwise.</summary>
public static class BackendLimits
{
    private static readonly ImmutableArray<string> OfIptables =
    [
        "--reject-with reset: the target REJECT works in the table filter only, and packets are judged in mangle: denied connections time out",
        "units that are cgroups: what they send is judged by their rules, what comes in to them by those of the host, and by theirs once they answer; by the nft variant only",
        "verdicts by hook and reason in metrics: rules are counted, and verdicts are their sums",
    ];

    /// <summary>One sentence for each, without a full stop, what it is about first; empty for a backend that can do everything.</summary>
    /// <param name="backend">The backend.</param>
    public static ImmutableArray<string> Of(BackendKind backend) => backend == BackendKind.Iptables ? OfIptables : [];
}
