using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Selection;

public sealed class DoctorNeighbourTests
{
    [KernelFact]
    public async Task Filters_and_chains_of_others_are_named_and_our_own_are_not()
    {
        using var host = new ConfinedHost();
        Assert.DoesNotContain((await host.AskAsync([])).Neighbours, OfThisNamespace);
        host.Inside("tc", "qdisc", "add", "dev", "dpi0", "clsact");
        host.Inside("tc", "filter", "add", "dev", "dpi0", "egress", "prio", "7", "protocol", "all", "u32", "match", "u32", "0", "0");
        host.Inside("iptables-nft", "-N", "cali-test");
        host.Inside("ip6tables-legacy", "-N", "WEAVE-NPC-test");
        DoctorAnswer answer = await host.AskAsync([]);
        Assert.Equal(
            ["Calico: chain cali-test", "Weave Net: chain WEAVE-NPC-test", "others at tc: dpi0: u32"],
            answer.Neighbours.Where(OfThisNamespace)
        );
    }

    [KernelFact]
    public async Task Asking_makes_no_table_and_no_chain()
    {
        using var host = new ConfinedHost();
        await host.AskAsync([]);
        Assert.Equal("", host.Inside("cat", "/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"));
        Assert.Equal("", host.Inside("nft", "list", "ruleset"));
    }

    // Processes are those of the machine, whichever they are.
    private static bool OfThisNamespace(string neighbour) => !neighbour.Contains("process ", StringComparison.Ordinal);
}
