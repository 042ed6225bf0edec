using System.Collections.Immutable;

namespace Datapath.Backends.Iptables;

/// <summary>What one rule of a chain has counted.</summary>
/// <param name="Rule">The rule index.</param>
/// <param name="Count">Its packets.</param>
/// <param name="IsPaused">Whether they were denied and passed.</param>
internal readonly record struct RuleCount(int Rule, PacketCount Count, bool IsPaused);

/// <summary>What rules of earlier generations counted: their chains are gone, their numbers go on.</summary>
internal sealed class RuleTotals
{
    private readonly Dictionary<int, PacketCount> _earlier = [];
    private long _passedWhilePaused;

    /// <summary>Keeps counts of chains that are about to go.</summary>
    /// <param name="counts">By rule index; one index may come several times.</param>
    public void Add(IEnumerable<RuleCount> counts)
    {
        foreach (RuleCount one in counts)
        {
            _earlier[one.Rule] = Sum(_earlier.GetValueOrDefault(one.Rule), one.Count);
            _passedWhilePaused += one.IsPaused ? one.Count.Packets : 0;
        }
    }

    /// <summary>Packets that were denied and passed, because enforcement was paused.</summary>
    /// <param name="counts">Of the chains that are there.</param>
    public long PassedWhilePaused(IEnumerable<RuleCount> counts) => _passedWhilePaused + counts.Where(one => one.IsPaused).Sum(one => one.Count.Packets);

    /// <summary>The totals.</summary>
    /// <param name="counts">Of the chains that are there.</param>
    public ImmutableDictionary<int, PacketCount> With(IEnumerable<RuleCount> counts)
    {
        var totals = _earlier.ToImmutableDictionary().ToBuilder();
        foreach (RuleCount one in counts)
        {
            totals[one.Rule] = Sum(totals.GetValueOrDefault(one.Rule), one.Count);
        }

        return totals.ToImmutable();
    }

    /// <summary>Begins at zero.</summary>
    /// <param name="rules">Indexes that no chain has.</param>
    public void Forget(IEnumerable<int> rules)
    {
        foreach (int rule in rules)
        {
            _earlier.Remove(rule);
        }
    }

    private static PacketCount Sum(PacketCount left, PacketCount right) => new(left.Packets + right.Packets, left.Bytes + right.Bytes);
}
