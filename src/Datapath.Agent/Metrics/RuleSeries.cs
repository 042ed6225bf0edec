using System.Collections.Immutable;
using Datapath.Backends;
using Datapath.Policy.Compilation;

namespace Datapath.Agent.Metrics;

/// <summary>Chooses the rules that have series: all that are in force, or where they are too many, those that were seen to count first.</summary>
/// <remarks>
/// Who has a series keeps it while the rule is in force: one that comes and goes would be worse than none. Rules that are not in force any
/// more have none, so that a rule that was changed begins at zero under the same labels, as a counter may.
/// </remarks>
/// <param name="limit">Most rules.</param>
internal sealed class RuleSeries(int limit)
{
    private readonly HashSet<int> _listed = [];

    /// <summary>Chooses.</summary>
    /// <param name="inForce">The rules in force, by ascending number.</param>
    /// <param name="counts">By rule number.</param>
    public ListedRules Choose(ImmutableArray<(int Index, RuleIdentity Rule)> inForce, ImmutableDictionary<int, PacketCount> counts)
    {
        if (inForce.Length <= limit)
        {
            _listed.Clear();
            _listed.UnionWith(inForce.Select(one => one.Index));
        }
        else
        {
            _listed.IntersectWith(inForce.Select(one => one.Index));
            // A policy may have become larger than the limit since.
            _listed.ExceptWith(_listed.Order().Skip(limit).ToArray());
            IEnumerable<int> counting = inForce.Select(one => one.Index).Where(index => !_listed.Contains(index) && counts.ContainsKey(index));
            _listed.UnionWith(counting.OrderByDescending(index => counts[index].Packets).Take(limit - _listed.Count).ToArray());
        }

        // Two rulesets may have one name, where the later import of a label replaces nothing: their rules share a series.
        OrderedDictionary<RuleIdentity, PacketCount> listed = new(_listed.Count);
        foreach ((int index, RuleIdentity rule) in inForce)
        {
            if (_listed.Contains(index))
            {
                PacketCount count = counts.GetValueOrDefault(index);
                if (!listed.TryAdd(rule, count))
                {
                    listed[rule] = new PacketCount(listed[rule].Packets + count.Packets, listed[rule].Bytes + count.Bytes);
                }
            }
        }

        return new ListedRules([.. listed.Select(one => (one.Key, one.Value))], inForce.Length - _listed.Count);
    }
}
