using System.Net.Sockets;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Iptables;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Datapath.Lab.Networks;
using Xunit;

namespace Datapath.KernelTests.Sockets;

/// <summary>
/// Complaints C6 and C22, restart and policy churn that drop traffic: nothing that the policy allows is lost and nothing else passes, over many
/// policies and a killed agent, beside a control pair that nobody judges. Pairs are judged in both families at both hooks.
/// </summary>
/// <remarks>Twenty policies; <c>DATAPATH_SWAPS</c> says how many else, as in <c>./build.sh prove</c>.</remarks>
public sealed class LossTests
{
    private const int FewSwaps = 20;
    private const int SwapsOfProof = 1000;
    private const ushort Allowed = 5000;
    private const ushort Denied = 6000;

    private static readonly AddressFamily[] Families = [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6];
    private static readonly (string From, string To)[] Judged = [("client", "router"), ("router", "client"), ("client", "web"), ("web", "client")];

    private static int Swaps => int.TryParse(Environment.GetEnvironmentVariable("DATAPATH_SWAPS"), out int swaps) ? swaps : FewSwaps;

    /// <summary>Twice there and back; an hour of it is no better proof, because each turn begins anew.</summary>
    private static int Turns => Swaps > FewSwaps ? 20 : 4;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelTheory]
    [InlineData(Judge.Tcx)]
    [InlineData(Judge.Nft)]
    [InlineData(Judge.Legacy)]
    public async Task Many_policies_and_a_killed_agent_lose_no_datagram_and_let_no_other_pass(string judge)
    {
        await using AgentLab lab = await Judge.CreateLabAsync(judge, Policy(0));
        RunningAgent agent = await lab.StartAsync();
        await AssertNothingIsLostOrLetThroughAsync(lab, judge, () => ChurnAsync(lab, agent), leastSent: 10 * Swaps);
    }

    [KernelTheory]
    [InlineData(Judge.Tcx, Judge.Nft)]
    [InlineData(Judge.Clsact, Judge.Legacy)]
    public async Task Backends_that_take_turns_lose_no_datagram_and_let_no_other_pass(string ebpf, string iptables)
    {
        await using AgentLab lab = await Judge.CreateLabAsync(ebpf, Policy(0));
        if (iptables == Judge.Legacy)
        {
            RuleListing.Prefer(lab, Judge.Legacy);
        }

        // To make or remove this qdisc takes the device out of service for a moment, whoever does it and whether or not there is a filter (qdisc_graft of
        // net/sched/sch_api.c). What somebody else has made stays.
        foreach (string link in ebpf == Judge.Clsact ? (string[])["up0", "web0"] : [])
        {
            lab.OnRouter("tc", "qdisc", "add", "dev", link, "clsact");
        }

        RunningAgent agent = await lab.StartAsync(Judge.Options(ebpf));
        await AssertNothingIsLostOrLetThroughAsync(
            lab,
            $"{ebpf} and {iptables} in turn",
            async () =>
            {
                for (int turn = 1; turn <= Turns; turn++)
                {
                    bool isEbpf = turn % 2 == 0;
                    await agent.KillAsync();
                    agent = await lab.StartAsync(lab.Site with { EnableEbpf = isEbpf }, Judge.Options(isEbpf ? ebpf : iptables));
                    await agent.StatusUntilAsync(now => now.PolicyState() == "applied");
                    Assert.Equal(isEbpf ? 4 : 0, lab.AtHooks().Length);
                }
            },
            leastSent: 50 * Turns
        );
    }

    [KernelTheory]
    [InlineData(Judge.Tcx)]
    [InlineData(Judge.Nft)]
    public async Task Many_policies_and_a_killed_agent_make_no_connection_send_again(string judge)
    {
        await using AgentLab lab = await Judge.CreateLabAsync(judge, Policy(0));
        (LabEnd one, LabEnd other) = await AddControlAsync(lab);
        foreach (LabHost host in (LabHost[])[lab.Router, lab.Client, lab.Pod, other.Host])
        {
            host.RetransmitOnlyLosses();
        }

        RunningAgent agent = await lab.StartAsync();
        await using BulkTransfer control = await BulkTransfer.StartAsync(one, other, AddressFamily.InterNetwork, Allowed, Token);
        var transfers = new List<BulkTransfer>();
        try
        {
            ushort port = Allowed;
            foreach ((string from, string to) in Judged)
            {
                AddressFamily family = Families[port % 2];
                transfers.Add(await BulkTransfer.StartAsync(lab.EndOf(from), lab.EndOf(to), family, port++, Token));
            }

            await ChurnAsync(lab, agent);
            (long Blocks, uint Retransmitted, uint Late) unjudged = await control.StopAsync();
            var judged = await Task.WhenAll(transfers.Select(transfer => transfer.StopAsync()));
            Say($"{judge} (blocks, segments sent again, of them late): control {unjudged}, judged {string.Join(' ', judged)}");
            Assert.All(judged.Append(unjudged), transfer => Assert.True(transfer.Blocks > Swaps, $"{transfer} is too little to tell"));
            Assert.All(judged, transfer => Assert.True(transfer.Retransmitted - transfer.Late <= unjudged.Retransmitted, $"{transfer}, control {unjudged}"));
        }
        finally
        {
            foreach (BulkTransfer transfer in transfers)
            {
                await transfer.DisposeAsync();
            }
        }
    }

    /// <summary>Pairs of both families at both hooks talk while something happens.</summary>
    private static async Task AssertNothingIsLostOrLetThroughAsync(AgentLab lab, string what, Func<Task> happens, int leastSent)
    {
        (LabEnd one, LabEnd other) = await AddControlAsync(lab);
        var pairs = new List<(string Kind, string Name, NumberedPair Pair)>();
        try
        {
            foreach (AddressFamily family in Families)
            {
                pairs.Add(("control", $"control {family}", NumberedPair.Start(one, other, family, Allowed)));
                ushort port = 0;
                foreach ((string from, string to) in Judged)
                {
                    string name = $"{from} -> {to} {family}";
                    pairs.Add(("allowed", name, NumberedPair.Start(lab.EndOf(from), lab.EndOf(to), family, (ushort)(Allowed + port))));
                    pairs.Add(("denied", name, NumberedPair.Start(lab.EndOf(from), lab.EndOf(to), family, (ushort)(Denied + port++))));
                }
            }

            await happens();
            (string Kind, string Name, PairCount Count)[] counts =
            [
                .. (await Task.WhenAll(pairs.Select(pair => pair.Pair.StopAsync()))).Zip(pairs, (count, pair) => (pair.Kind, pair.Name, count)),
            ];
            foreach (var kind in counts.GroupBy(count => count.Kind))
            {
                Say($"{what}, {kind.Key}: {kind.Sum(one => one.Count.Sent)} datagrams sent, {kind.Sum(one => one.Count.Arrived)} arrived");
            }

            long unavoidable = counts.Where(count => count.Kind == "control").Max(count => count.Count.Lost);
            Assert.All(counts, count => Assert.True(count.Count.Sent > leastSent, $"{count} is too little to tell"));
            Assert.All(counts.Where(count => count.Kind == "allowed"), count => Assert.True(count.Count.Lost <= unavoidable, $"{count} of {unavoidable}"));
            Assert.All(counts.Where(count => count.Kind == "denied"), count => Assert.True(count.Count.Arrived == 0, $"{count}"));
        }
        finally
        {
            foreach (var pair in pairs)
            {
                await pair.Pair.DisposeAsync();
            }
        }
    }

    private static void Say(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);

    /// <summary>Policies that say the same of these pairs and number classes and rules differently; in the middle the agent is killed.</summary>
    private static async Task ChurnAsync(AgentLab lab, RunningAgent agent)
    {
        for (int i = 1; i <= Swaps; i++)
        {
            await lab.ApplyAsync(agent, Policy(i));
            if (i == Swaps / 2)
            {
                agent = await lab.RestartAsync(agent);
            }
        }

        Say($"swapped {Swaps} times of {SwapsOfProof}");
    }

    private static string Policy(int number)
    {
        string others = string.Concat(Enumerable.Range(0, number % 4).Select(i => $"10.77.{i + 1}.0/24, "));
        string more = number % 2 == 0 ? "tcp/80, " : "";
        string ports = $"{more}udp/{Allowed}:{Allowed + 9}, tcp/{Allowed}:{Allowed + 9}, tcp/{7000 + number}";
        return AgentPolicies.Between(ports, ports, $"{others}10.77.0.2/32, \"2001:db8:77::2/128\"");
    }

    /// <summary>Another host on a link of its own to the client: the same machine, and no judge.</summary>
    private static async Task<(LabEnd One, LabEnd Other)> AddControlAsync(AgentLab lab)
    {
        LabHost bystander = await lab.AddHostAsync("bystander");
        LabEnd one = AgentLab.End(lab.Client, "10.90.0.1", "2001:db8:90::1");
        LabEnd other = AgentLab.End(bystander, "10.90.0.2", "2001:db8:90::2");
        await AgentLab.ConnectAsync(one, "side0", other, "eth0");
        return (one, other);
    }
}
