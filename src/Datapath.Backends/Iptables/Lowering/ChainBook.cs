using System.Collections.Immutable;
using System.Text;

namespace Datapath.Backends.Iptables.Lowering;

/// <summary>The chains of one family. Equal chains are one: what looks like a tree of decisions is stored as a graph.</summary>
/// <remarks>
/// nf_tables refuses a rule by which a packet could come more than fifteen chains away from its hook, whether by jump or by goto
/// (NFT_JUMP_STACK_SIZE and nft_chain_validate of net/netfilter/nf_tables_api.c). Up to four lead to a judge, four to the row of an address, five
/// to the descriptor of a port, two from there to the end.
/// </remarks>
internal sealed class ChainBook
{
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly List<ImmutableArray<ChainRule>> _chains = [];

    /// <summary>The chains so far; a chain leads only to chains before it.</summary>
    public IReadOnlyList<ImmutableArray<ChainRule>> Chains => _chains;

    /// <summary>A chain with these rules.</summary>
    /// <param name="rules">In their order.</param>
    /// <returns>Its number.</returns>
    public int Add(params ImmutableArray<ChainRule> rules)
    {
        // A chain that only leads on is where it leads to.
        if (rules is [{ Matches: "", Action: "-g" } only])
        {
            return only.Target;
        }

        string content = Content(rules);
        if (!_numbers.TryGetValue(content, out int number))
        {
            number = _chains.Count;
            _numbers.Add(content, number);
            _chains.Add(rules);
        }

        return number;
    }

    private static string Content(ImmutableArray<ChainRule> rules)
    {
        var text = new StringBuilder();
        foreach (ChainRule rule in rules)
        {
            text.Append(rule.Matches).Append(rule.Action).Append(' ').Append(rule.Target).Append('\n');
        }

        return text.ToString();
    }
}
