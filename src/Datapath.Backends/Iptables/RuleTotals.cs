using System.Collections.Immutable;

namespace Datapath.Backends.Iptables;

/// <summary>What rules of earlier generations counted: their chains are gone, their numbers go on.</summary>
internal sealed class RuleTotals
{
    private readonly Dictionary<int, PacketCount> _earlier = [];

    /// <summary>Keeps counts of chains that are about to go.</summary>
    /// <param name="counts">By rule index; one index may come several times.</param>
    public void Add(IEnumerable<(int Rule, PacketCount Count)> counts)
    {
        foreach ((int rule, PacketCount count) in counts)
        {
            _earlier[rule] = Sum(_earlier.GetValueOrDefault(rule), count);
        }
    }

    /// <summary>The totals.</summary>
    /// <param name="counts">Of the chains that are there.</param>
    public ImmutableDictionary<int, PacketCount> With(IEnumerable<(int Rule, PacketCount Count)> counts)
    {
        var totals = _earlier.ToImmutableDictionary().ToBuilder();
        foreach ((int rule, PacketCount count) in counts)
        {
            totals[rule] = Sum(totals.GetValueOrDefault(rule), count);
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
