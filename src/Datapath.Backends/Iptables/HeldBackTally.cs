using Datapath.Backends.Iptables.Kernel;

namespace Datapath.Backends.Iptables;

/// <summary>
/// Events of drops that the limit of their rule held back, added up for as long as the agent lives: chains come and go, and begin at zero.
/// </summary>
/// <remarks>
/// A chain that drops and reports has two rules, of which the first alone has a limit: what the second counted and the first did not was not
/// told. Where connections are let open, packets are counted that are no new flow, so that nothing follows from a difference.
/// </remarks>
internal sealed class HeldBackTally
{
    private const string Reports = "-j NFLOG";
    private const string Drops = "-j DROP";

    private readonly Dictionary<string, long> _seen = new(StringComparer.Ordinal);
    private long _sum;

    /// <summary>What the limits of some chains have held back so far.</summary>
    /// <param name="rules">The rules of a table, in their order.</param>
    /// <param name="names">The instance's names.</param>
    public static IEnumerable<(string Chain, long Packets)> Of(IEnumerable<SavedRule> rules, ObjectNames names)
    {
        SavedRule? before = null;
        foreach (SavedRule rule in rules.Where(rule => names.TryGeneration(rule.Chain, out _)))
        {
            // Read while packets come: the second rule may have been read a moment later.
            if (rule.Text.EndsWith(Drops, StringComparison.Ordinal) && before?.Chain == rule.Chain && before.Text.Contains(Reports, StringComparison.Ordinal) && rule.Packets > before.Packets)
            {
                yield return (rule.Chain, rule.Packets - before.Packets);
            }

            before = rule;
        }
    }

    /// <summary>Adds what was held back since the last call.</summary>
    /// <param name="chains">By chain, of either family.</param>
    /// <returns>The sum of all.</returns>
    public long Add(IEnumerable<(string Chain, long Packets)> chains)
    {
        var now = chains.GroupBy(one => one.Chain, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Sum(one => one.Packets), StringComparer.Ordinal);
        foreach ((string chain, long packets) in now)
        {
            long before = _seen.GetValueOrDefault(chain);
            _sum += packets < before ? packets : packets - before;
        }

        // One that is gone, or was flushed, begins at zero.
        foreach (string gone in _seen.Keys.Where(chain => !now.ContainsKey(chain)).ToList())
        {
            _seen.Remove(gone);
        }

        foreach ((string chain, long packets) in now)
        {
            _seen[chain] = packets;
        }

        return _sum;
    }
}
