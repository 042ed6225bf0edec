using System.Collections.Immutable;
using Datapath.Backends.Iptables.Lowering;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Backends.Iptables;

/// <summary>However many classes and ports a policy has, nf_tables takes its chains.</summary>
public sealed class ChainDepthTests
{
    // NFT_JUMP_STACK_SIZE of include/net/netfilter/nf_tables.h is 16, and the hook is one of them.
    private const int MostChainsBelowHook = 15;

    [Theory]
    [InlineData(3)]
    [InlineData(1100)]
    public void No_packet_comes_further_from_its_hook_than_nf_tables_allows(int rules)
    {
        LoweredPolicy lowered = Lowered(rules);
        int[] depths =
        [
            .. lowered.Families.SelectMany(family => family.Anchors(1).Select(anchor => 1 + Below(anchor.Chain, Targets(family.Chains(lowered.Names, 1, "")), []))),
        ];
        Assert.InRange(depths.Max(), 8, MostChainsBelowHook);
    }

    // What a start takes is half of it iptables-restore, which compares names one by one to keep them in order (cache_chain_list_insert of iptables/nft-cache.c).
    [Fact]
    public void The_names_of_a_line_stand_near_the_front_of_the_list_that_iptables_restore_keeps()
    {
        LoweredPolicy lowered = Lowered(1100);
        string[] lines = lowered.IPv4.Chains(lowered.Names, 1, "").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        List<string> known = [];
        long compared = 0;
        foreach (string name in lines.SelectMany(line => line.Split(' ')).Where(word => word.TrimStart(':').StartsWith("dp.", StringComparison.Ordinal)))
        {
            int place = known.BinarySearch(name.TrimStart(':'), StringComparer.Ordinal);
            if (place < 0)
            {
                known.Insert(~place, name.TrimStart(':'));
            }

            compared += place < 0 ? ~place : place;
        }

        Assert.True(known.Count > 10_000);
        // With names that ascend it is two thirds of them.
        Assert.InRange(compared / lines.Length, 0, known.Count / 8);
    }

    private static ILookup<string, string> Targets(string chains) =>
        chains
            .Split('\n')
            .Select(line => line.Split(' '))
            .Where(words => words[0] == "-A" && words[^2] is "-g" or "-j" && words[^1].StartsWith("dp.", StringComparison.Ordinal))
            .ToLookup(words => words[1], words => words[^1]);

    // Each chain is asked once: a tree is stored as a graph.
    private static int Below(string chain, ILookup<string, string> targets, Dictionary<string, int> known)
    {
        if (!known.TryGetValue(chain, out int depth))
        {
            depth = targets[chain].Select(target => 1 + Below(target, targets, known)).DefaultIfEmpty().Max();
            known.Add(chain, depth);
        }

        return depth;
    }

    // Each rule has a network and a port of its own, and one network has them all. Beside the host there is a pod, which is one chain more.
    private static LoweredPolicy Lowered(int rules)
    {
        WrittenPolicy written = new()
        {
            ProcessingUnits = [Written.Unit("web", "app=a", "10.78.0.2").On("web0")],
            ExternalNetworks = [.. Enumerable.Range(0, rules).Select(i => Written.Network($"n{i}", $"10.{i / 250}.{i % 250}.0/24", "10.200.0.0/16"))],
            Rulesets =
            [
                Written.Ruleset("many", "app=a") with { IncomingRules = Rules(rules), OutgoingRules = Rules(rules) },
                Written.Ruleset("host", "$type=Host") with { IncomingRules = Rules(rules), OutgoingRules = Rules(rules) },
            ],
        };
        return LoweringCase.Lower(LoweringCase.CompileClosed(written), LoweringCase.Host(["web0"], LoweringCase.HostAddress));
    }

    private static ImmutableArray<NetworkRule> Rules(int count) =>
        [.. Enumerable.Range(0, count).Select(i => Written.Allow($"externalnetwork:name=n{i}", $"tcp/{(3 * i) + 1}"))];
}
