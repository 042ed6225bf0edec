using System.Text.Json;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Iptables;

/// <summary>The agent that enforces with iptables, on the hosts and by the policies that it is tried on with eBPF.</summary>
public sealed class IptablesAgentTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelTheory]
    [InlineData("nft")]
    [InlineData("legacy")]
    public async Task Sockets_reach_what_the_policy_allows_and_nothing_else(string variant)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        RuleListing.Prefer(lab, variant);
        lab.Serve(Try.UnderFriends);
        // Without an agent everything is answered; otherwise a silence would prove nothing.
        var before = await lab.TryAsync([.. Try.UnderFriends.Select(one => one with { IsAllowed = true })]);
        Assert.Equal(before.Expected, before.Observed);

        RunningAgent agent = await lab.StartAsync();
        JsonElement status = await agent.Api.StatusAsync(Token);
        Assert.Equal("iptables", status.GetProperty("backend").GetString());
        Assert.Equal(["up0 mangle"], status.Places("router"));
        Assert.Equal(["web0 mangle"], status.Places("web"));
        Assert.NotEmpty(RuleListing.Ours(lab, variant));
        Assert.Empty(RuleListing.Ours(lab, variant == "nft" ? "legacy" : "nft"));
        Assert.Empty(lab.AtHooks());
        var under = await lab.TryAsync(Try.UnderFriends);
        Assert.Equal(under.Expected, under.Observed);
    }

    [KernelTheory]
    [InlineData("nft")]
    [InlineData("legacy")]
    public async Task A_policy_of_hundreds_of_networks_and_ports_is_taken_by_the_kernel_and_enforced(string variant)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Many(400), enableEbpf: false);
        RuleListing.Prefer(lab, variant);
        lab.Serve(Try.UnderFriends);
        RunningAgent agent = await lab.StartAsync();
        Assert.Equal("applied", (await agent.Api.StatusAsync(Token)).PolicyState());
        var under = await lab.TryAsync(Try.UnderFriends);
        Assert.Equal(under.Expected, under.Observed);
    }

    [KernelTheory]
    [InlineData("ENOSYS")]
    [InlineData("EPERM")]
    public async Task Where_the_kernel_refuses_bpf_iptables_judges_though_eBPF_was_asked_for_and_one_line_says_why(string errno)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        lab.Serve(Try.UnderFriends);
        string refusing = $"exec {Path.Combine(AppContext.BaseDirectory, "Datapath.Lab")} confine bpf={errno} {lab.Site.Executable} \"$@\"";
        RunningAgent agent = await lab.StartAsync(lab.Site with { Executable = lab.WriteProgram("agent", refusing) });
        string said = $"eBPF was asked for and cannot be: bpf(2): cannot create map dp_probe: {errno} ";
        Assert.Single(agent.Output, line => line.Contains(said, StringComparison.Ordinal));
        JsonElement status = await agent.Api.StatusAsync(Token);
        Assert.Equal("iptables", status.GetProperty("backend").GetString());
        Assert.Empty(lab.AtHooks());
        var under = await lab.TryAsync(Try.UnderFriends);
        Assert.Equal(under.Expected, under.Observed);
    }

    [KernelFact]
    public async Task A_killed_agent_leaves_its_policy_and_its_successor_changes_nothing()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        lab.Serve(Try.Allowed, Try.Denied);
        RunningAgent first = await lab.StartAsync();
        uint generation = (await first.Api.StatusAsync(Token)).Generation();
        using EchoConnection established = await lab.OpenToWebAsync(80);
        Assert.True(await established.EchoesAsync(Token));
        string[] rules = RuleListing.Ours(lab, "nft");

        await first.KillAsync();
        var orphaned = await lab.TryAsync(Try.Allowed, Try.Denied);
        Assert.Equal(orphaned.Expected, orphaned.Observed);

        RunningAgent second = await lab.StartAsync();
        JsonElement status = await second.Api.StatusAsync(Token);
        Assert.Equal("applied", status.PolicyState());
        Assert.Equal(generation, status.Generation());
        Assert.Equal(rules, RuleListing.Ours(lab, "nft"));
        Assert.True(await established.EchoesAsync(Token), "the established connection was cut");
        var adopted = await lab.TryAsync(Try.Allowed, Try.Denied);
        Assert.Equal(adopted.Expected, adopted.Observed);
    }

    [KernelFact]
    public async Task A_changed_policy_replaces_the_earlier_one_and_leaves_nothing_of_it()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        lab.Serve(Try.Allowed, Try.Denied);
        RunningAgent agent = await lab.StartAsync();
        uint before = (await agent.Api.StatusAsync(Token)).Generation();
        lab.WritePolicy(AgentPolicies.Only81);
        JsonElement status = await agent.StatusUntilAsync(now => now.Generation() > before);
        var under = await lab.TryAsync(Try.Allowed with { IsAllowed = false }, Try.Denied with { IsAllowed = true });
        Assert.Equal(under.Expected, under.Observed);
        uint generation = status.Generation();
        // But for what it has counted.
        Assert.All(RuleListing.Ours(lab, "nft").Where(line => line.StartsWith(':') && !line.Contains(".total ", StringComparison.Ordinal)), line => Assert.Contains($".{generation:x}.", line, StringComparison.Ordinal));
        Assert.All(RuleListing.Sets(lab), set => Assert.Contains($".{generation:x}.", set, StringComparison.Ordinal));
        Assert.Equal(2, RuleListing.Sets(lab).Length);
    }

    [KernelTheory]
    [InlineData("nft")]
    [InlineData("legacy")]
    public async Task What_somebody_flushes_or_passes_by_is_back_within_five_seconds(string variant)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        RuleListing.Prefer(lab, variant);
        lab.Serve(Try.Allowed, Try.Denied);
        RunningAgent agent = await lab.StartAsync();
        uint generation = (await agent.Api.StatusAsync(Token)).Generation();
        foreach (string[] damage in (string[][])[["-F", "PREROUTING"], ["-I", "POSTROUTING", "1", "-j", "ACCEPT"], ["-F"], ["flush"]])
        {
            if (damage is ["flush"])
            {
                Assert.All(RuleListing.Sets(lab), set => lab.OnRouter(["ipset", .. damage, set]));
            }
            else
            {
                lab.OnRouter([$"ip6tables-{variant}", "-t", "mangle", .. damage]);
                lab.OnRouter([$"iptables-{variant}", "-t", "mangle", .. damage]);
            }

            uint damaged = generation;
            JsonElement status = await agent.StatusUntilAsync(now => now.Generation() > damaged);
            generation = status.Generation();
            var under = await lab.TryAsync(Try.Allowed, Try.Denied);
            Assert.Equal(under.Expected, under.Observed);
        }

        Assert.Contains(agent.Output, line => line.Contains("somebody changed what is in force", StringComparison.Ordinal));
    }

    [KernelTheory]
    [InlineData("nft")]
    [InlineData("legacy")]
    public async Task Purge_leaves_nothing_of_ours_and_the_rules_of_others_as_they_were(string variant)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        RuleListing.Prefer(lab, variant);
        RuleListing.AddForeignRules(lab, variant);
        string[] before = RuleListing.Foreign(lab);
        lab.Serve(Try.Allowed);
        RunningAgent agent = await lab.StartAsync();
        using EchoConnection established = await lab.OpenToWebAsync(80);
        Assert.True(await established.EchoesAsync(Token));
        Assert.Equal(before, RuleListing.Foreign(lab));
        Assert.NotEqual(0, RuleListing.MarkedConnections(lab));
        await agent.KillAsync();

        var purge = await lab.PurgeAsync();
        Assert.Equal((0, ""), (purge.ExitCode, purge.StandardError));
        Assert.Empty(RuleListing.Ours(lab, "nft"));
        Assert.Empty(RuleListing.Ours(lab, "legacy"));
        Assert.Empty(RuleListing.Sets(lab));
        Assert.Equal(0, RuleListing.MarkedConnections(lab));
        Assert.Equal(before, RuleListing.Foreign(lab));
        var again = await lab.PurgeAsync();
        Assert.Equal((0, "nothing to remove\n", ""), (again.ExitCode, again.StandardOutput, again.StandardError));
    }

    [KernelFact]
    public async Task Who_changes_the_backend_has_one_judge_afterwards_and_the_same_policy()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        lab.Serve(Try.Allowed, Try.Denied);
        foreach (bool enableEbpf in (bool[])[true, false, true])
        {
            AgentSite site = lab.Site with { EnableEbpf = enableEbpf };
            await using RunningAgent agent = await site.StartAsync([], Token);
            JsonElement status = await agent.StatusUntilAsync(now => now.PolicyState() == "applied");
            Assert.Equal(enableEbpf ? "ebpf" : "iptables", status.GetProperty("backend").GetString());
            Assert.Equal(enableEbpf ? 4 : 0, lab.AtHooks().Length);
            Assert.Equal(enableEbpf, RuleListing.Ours(lab, "nft").Length == 0);
            var under = await lab.TryAsync(Try.Allowed, Try.Denied);
            Assert.Equal(under.Expected, under.Observed);
        }
    }
}
