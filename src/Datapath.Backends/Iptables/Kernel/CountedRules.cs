using System.Globalization;
using System.Text.RegularExpressions;
using Datapath.Backends.Iptables.Lowering;

namespace Datapath.Backends.Iptables.Kernel;

/// <summary>Whom the rules of chains count for, as their comments say.</summary>
internal static partial class CountedRules
{
    /// <summary>What the rules of some chains have counted; those that counted nothing are left out.</summary>
    /// <param name="rules">In the order of their chains.</param>
    /// <param name="names">The instance's names.</param>
    /// <param name="isWanted">Which chains of the instance.</param>
    public static IEnumerable<RuleCount> Of(IEnumerable<SavedRule> rules, ObjectNames names, Predicate<string> isWanted)
    {
        (string Chain, int Index) next = ("", 0);
        foreach (SavedRule rule in rules.Where(rule => rule.Chain.StartsWith(names.Chains, StringComparison.Ordinal) && isWanted(rule.Chain)))
        {
            Match comment = Form().Match(rule.Text);
            string mark = comment.Groups["mark"].Value;
            int named = comment.Success ? int.Parse(comment.Groups["index"].ValueSpan, CultureInfo.InvariantCulture) : 0;
            int index = mark is LeafChains.CountMark or LeafChains.PausedMark ? named
                : next.Chain == rule.Chain ? next.Index
                : 0;
            next = (rule.Chain, mark == LeafChains.NextCountsMark ? named : 0);
            if (index > 0 && rule.Packets > 0)
            {
                yield return new RuleCount(index, new PacketCount(rule.Packets, rule.Bytes), mark == LeafChains.PausedMark);
            }
        }
    }

    // Some versions of iptables-save put every comment into quotation marks. Nine digits: more than there are rules, and no overflow.
    [GeneratedRegex(
        "(^| )-m comment --comment \"?(?<mark>[rpc])(?<index>[0-9]{1,9})\"?( |$)",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 1000
    )]
    private static partial Regex Form();
}
