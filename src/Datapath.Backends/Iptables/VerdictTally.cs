using System.Collections.Immutable;
using Datapath.Flows;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Iptables;

/// <summary>
/// Verdicts added up from what rules count, for as long as the agent lives: the sum only grows, although rules come and go with policies and
/// their counters with their numbers.
/// </summary>
/// <remarks>
/// What answers a connection counts for its opener's rule, and so for that rule's direction; what was revoked counts as rejected by policy.
/// </remarks>
internal sealed class VerdictTally
{
    /// <summary>The table in which packets are judged; its two hooks share their chains.</summary>
    public const string Hook = "mangle";

    private readonly Dictionary<int, (Direction Direction, Verdict Verdict)> _rules = [];
    private readonly Dictionary<int, PacketCount> _seen = [];
    private readonly Dictionary<(Direction Direction, Verdict Verdict), PacketCount> _sums = [];

    /// <summary>Takes up the rules of a policy; those of earlier ones are remembered.</summary>
    /// <param name="policy">About to be in force.</param>
    public void Learn(CompiledPolicy policy)
    {
        var directions = policy.Rules.ToDictionary(rule => rule.Index, rule => rule.Rule.Direction);
        foreach (Descriptor descriptor in policy.Descriptors.Where(one => directions.ContainsKey(one.RuleIndex)))
        {
            _rules[descriptor.RuleIndex] = (directions[descriptor.RuleIndex], descriptor.Verdict);
        }
    }

    /// <summary>Adds what was counted since the last call.</summary>
    /// <param name="counts">By rule.</param>
    public ImmutableArray<VerdictCount> Add(ImmutableDictionary<int, PacketCount> counts)
    {
        // Flushed, or made anew and not met yet: whatever such a rule counts from now on begins at zero.
        foreach (int gone in _seen.Keys.Where(rule => !counts.ContainsKey(rule)).ToList())
        {
            _seen.Remove(gone);
        }

        foreach ((int rule, PacketCount count) in counts)
        {
            PacketCount before = _seen.GetValueOrDefault(rule);
            // A number that was given to another rule begins at zero.
            PacketCount more = count.Packets < before.Packets ? count : new PacketCount(count.Packets - before.Packets, count.Bytes - before.Bytes);
            _seen[rule] = count;
            if (_rules.TryGetValue(rule, out (Direction, Verdict) place))
            {
                PacketCount sum = _sums.GetValueOrDefault(place);
                _sums[place] = new PacketCount(sum.Packets + more.Packets, sum.Bytes + more.Bytes);
            }
        }

        return
        [
            .. _sums
                .OrderBy(one => one.Key)
                .Select(one => new VerdictCount(Hook, one.Key.Direction, one.Key.Verdict == Verdict.Allow ? DropReason.None : DropReason.Policy, one.Value)),
        ];
    }
}
