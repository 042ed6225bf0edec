using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Datapath.Backends.Iptables.Lowering;

namespace Datapath.Backends.Iptables;

/// <summary>What one rule of a chain has counted.</summary>
/// <param name="Rule">The rule index.</param>
/// <param name="Count">Its packets.</param>
/// <param name="IsPaused">Whether they were denied and passed.</param>
internal readonly record struct RuleCount(int Rule, PacketCount Count, bool IsPaused);

/// <summary>
/// What rules of earlier generations counted: their chains are gone, their numbers go on, in rules of a chain that nobody asks. They stand in
/// the kernel so that agents may come and go.
/// </summary>
/// <param name="names">The instance's names.</param>
internal sealed class RuleTotals(ObjectNames names)
{
    /// <summary>By rule index; one index may come several times.</summary>
    /// <param name="counts">Of all chains.</param>
    public static ImmutableDictionary<int, PacketCount> Sum(IEnumerable<RuleCount> counts) =>
        counts.GroupBy(one => one.Rule, one => one.Count).ToImmutableDictionary(group => group.Key, group => group.Aggregate(Sum));

    /// <summary>Packets that were denied and passed, because enforcement was paused.</summary>
    /// <param name="counts">Of all chains.</param>
    public static long PassedWhilePaused(IEnumerable<RuleCount> counts) => counts.Where(one => one.IsPaused).Sum(one => one.Count.Packets);

    /// <summary>The chain as lines of <c>iptables-restore --counters</c>, in place of the one that is there.</summary>
    /// <param name="counts">What is to stand in it; one index may come several times.</param>
    public string Keep(IEnumerable<RuleCount> counts)
    {
        var text = new StringBuilder();
        text.Append(':').Append(names.TotalsChain).Append(" - [0:0]\n");
        foreach (IGrouping<(int Rule, bool IsPaused), PacketCount> one in counts.GroupBy(one => (one.Rule, one.IsPaused), one => one.Count).OrderBy(one => one.Key))
        {
            PacketCount sum = one.Aggregate(Sum);
            string mark = one.Key.IsPaused ? LeafChains.PausedMark : LeafChains.CountMark;
            text.Append(CultureInfo.InvariantCulture, $"[{sum.Packets}:{sum.Bytes}] -A {names.TotalsChain} -m comment --comment {mark}{one.Key.Rule}\n");
        }

        return text.ToString();
    }

    private static PacketCount Sum(PacketCount left, PacketCount right) => new(left.Packets + right.Packets, left.Bytes + right.Bytes);
}
