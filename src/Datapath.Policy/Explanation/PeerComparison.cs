using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Explanation;

/// <summary>Says what of a peer a rule matches, or what the peer lacks.</summary>
/// <remarks>What it has found out it keeps: tens of thousands of rules name the same few hundred networks.</remarks>
internal sealed class PeerComparison(PolicyEvaluator evaluator)
{
    private readonly Dictionary<string, int[]> _networksOfObject = [];
    private readonly Dictionary<(int Network, AddressKey Peer), Membership> _memberships = [];

    /// <summary>Compares a rule's object with a peer.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="home">Namespace of its ruleset.</param>
    /// <param name="owner">The unit that has the address; null for anybody else.</param>
    /// <param name="peer">The address.</param>
    /// <returns>What matched, or the nearest that did not.</returns>
    public (string? Because, Lack? Lack) Compare(NetworkRule rule, string home, WrittenUnit? owner, AddressKey peer)
    {
        if (owner is not null && MatchingClause(rule.Object, owner.Tags) is { } clause)
        {
            return ($"{owner.Name.Name} has {string.Join(" and ", clause)}", null);
        }
        bool mayUseNetworks = owner is null || rule.Action == Verdict.Reject || !evaluator.IsManaged(peer);
        var lacks = new List<Lack>();
        foreach (int number in NetworksOf(rule.Object))
        {
            ExternalNetwork network = evaluator.Networks[number].Network;
            bool isVisible = WrittenScope.Sees(home, evaluator.Scope.Home(network), network.Propagate);
            Membership membership = MembershipOf(number, peer);
            if (isVisible && membership.IsMember && mayUseNetworks)
            {
                return ($"{Text(peer)} is in network {network.Name} ({membership.Longest!.Value.Text})", null);
            }
            lacks.Add(Why(network, peer, owner, home, isVisible, membership));
        }
        if (owner is not null)
        {
            string[] missing = Missing(rule.Object, owner.Tags);
            // To give a unit the tag of a network is rarely what is meant: then the networks' own reasons say more.
            bool isOfNetworks = missing.Any(tag => tag.StartsWith("externalnetwork:", StringComparison.Ordinal));
            lacks.Add(new Lack((isOfNetworks ? 3 : 1) + missing.Length, $"{owner.Name.Name} has no {string.Join(" and ", missing)}"));
        }
        return (null, lacks.Count > 0 ? lacks.MinBy(lack => lack.Distance) : NoSuchTarget(rule, peer));
    }

    /// <summary>The tags that are missing from the clause that misses the fewest.</summary>
    public static string[] Missing(TagExpression expression, HashSet<string> tags) =>
        expression
            .Clauses.Select(clause => clause.Where(selector => !WrittenMatch.Tags(new TagExpression([[selector]]), tags)).ToArray())
            .MinBy(missing => missing.Length)!;

    private static ImmutableArray<string>? MatchingClause(TagExpression expression, HashSet<string> tags)
    {
        foreach (ImmutableArray<string> clause in expression.Clauses)
        {
            if (WrittenMatch.Tags(new TagExpression([clause]), tags))
            {
                return clause;
            }
        }
        return null;
    }

    /// <summary>The networks that a rule's object means, by number.</summary>
    private int[] NetworksOf(TagExpression expression)
    {
        // No tag has a line break or a tab in it.
        string text = string.Join('\n', expression.Clauses.Select(clause => string.Join('\t', clause)));
        if (!_networksOfObject.TryGetValue(text, out int[]? networks))
        {
            networks = [.. Enumerable.Range(0, evaluator.Networks.Count).Where(number => WrittenMatch.Tags(expression, evaluator.Networks[number].Tags))];
            _networksOfObject.Add(text, networks);
        }
        return networks;
    }

    private Membership MembershipOf(int number, AddressKey peer)
    {
        if (!_memberships.TryGetValue((number, peer), out Membership membership))
        {
            ExternalNetwork network = evaluator.Networks[number].Network;
            membership = new Membership(WrittenMatch.Network(network.Entries, peer), Longest(network, peer));
            _memberships.Add((number, peer), membership);
        }
        return membership;
    }

    private Lack Why(ExternalNetwork network, AddressKey peer, WrittenUnit? owner, string home, bool isVisible, Membership membership)
    {
        if (!membership.IsMember)
        {
            return membership.Longest is { } hole
                ? new Lack(2, $"{Text(peer)} is in the hole {hole.Text} of network {network.Name}")
                : new Lack(3, $"{Text(peer)} is not in network {network.Name}");
        }
        return isVisible
            ? new Lack(2, $"{owner!.Name.Name} is a processing unit: an Allow has to name its tags, and network {network.Name} does not count")
            : new Lack(2, $"network {network.Name} of {evaluator.Scope.Home(network)} is not propagated to {home}");
    }

    private static Lack NoSuchTarget(NetworkRule rule, AddressKey peer) =>
        new(4, $"{Text(peer)} is no processing unit, and no network in the files has {string.Join(" or ", rule.Object.Clauses.Select(clause => string.Join(" and ", clause)))}");

    private static string Text(AddressKey peer) => StandInAddress.Is(peer) ? "its unknown address" : peer.ToString();

    private static NetworkEntry? Longest(ExternalNetwork network, AddressKey peer)
    {
        NetworkEntry[] containing =
        [
            .. network.Entries.Where(entry => entry.Kind != NetworkEntryKind.HostName && AddressSpan.Of(entry.Network).Contains(peer)),
        ];
        return containing.Length == 0 ? null : containing.MaxBy(entry => entry.Network.Length);
    }

    /// <summary>Whether a network has an address, and the longest entry that covers it.</summary>
    private readonly record struct Membership(bool IsMember, NetworkEntry? Longest);
}
