using System.Collections.Immutable;
using Datapath.Backends;
using Datapath.Flows;
using Datapath.Policy.Compilation;

namespace Datapath.Agent.Metrics;

/// <summary>One look at the kernel's counters.</summary>
/// <param name="Counters">The totals.</param>
/// <param name="Rules">Those of rules that have series.</param>
/// <param name="Failures">Looks that the kernel refused so far.</param>
internal sealed record KernelReading(BackendCounters Counters, ListedRules Rules, long Failures)
{
    /// <summary>Before anything could be read.</summary>
    /// <param name="failures">Looks that the kernel refused.</param>
    public static KernelReading None(long failures) =>
        new(
            new BackendCounters(
                ImmutableDictionary<int, PacketCount>.Empty,
                ImmutableDictionary<DropReason, PacketCount>.Empty,
                ImmutableDictionary<string, long>.Empty
            ),
            new ListedRules([], 0),
            failures
        );
}

/// <summary>Rules that have series.</summary>
/// <param name="Rules">Each with its count.</param>
/// <param name="Unlisted">How many others are in force.</param>
internal sealed record ListedRules(ImmutableArray<(RuleIdentity Rule, PacketCount Count)> Rules, int Unlisted);
