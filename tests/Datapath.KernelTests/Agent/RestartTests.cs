using System.Text.Json;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Agent;

public sealed class RestartTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelTheory]
    [InlineData("tcx")]
    [InlineData("clsact")]
    public async Task A_killed_agent_leaves_its_policy_and_its_successor_takes_it_over(string hook)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        lab.Serve(Try.Allowed, Try.Denied);
        RunningAgent first = await lab.StartAsync("--tc-hook", hook);
        uint generation = (await first.Api.StatusAsync(Token)).Generation();
        string numbers = await RuleNumbersAsync(lab);
        var pinned = await lab.Traces.RecordAsync(Token);
        using EchoConnection established = await lab.OpenToWebAsync(80);
        Assert.True(await established.EchoesAsync(Token));

        await first.KillAsync();
        Assert.True(await established.EchoesAsync(Token), "the established connection was cut");
        var orphaned = await lab.TryAsync(Try.Allowed, Try.Denied);
        Assert.Equal(orphaned.Expected, orphaned.Observed);

        RunningAgent second = await lab.StartAsync("--tc-hook", hook);
        JsonElement status = await second.Api.StatusAsync(Token);
        Assert.Equal("applied", status.PolicyState());
        Assert.Equal(generation, status.Generation());
        Assert.Equal(numbers, await RuleNumbersAsync(lab));
        Assert.Equal(pinned, await lab.Traces.RecordAsync(Token));
        AssertOneProgramAtEachHook(lab);
        Assert.True(await established.EchoesAsync(Token), "the established connection was cut");
        var adopted = await lab.TryAsync(Try.Allowed, Try.Denied);
        Assert.Equal(adopted.Expected, adopted.Observed);
    }

    [KernelFact]
    public async Task A_policy_that_was_broken_while_no_agent_ran_leaves_the_earlier_one_in_force()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        lab.Serve(Try.Allowed, Try.Denied);
        RunningAgent first = await lab.StartAsync();
        uint generation = (await first.Api.StatusAsync(Token)).Generation();
        await first.KillAsync();
        lab.WritePolicy(AgentPolicies.Broken);

        RunningAgent second = await lab.StartAsync();
        JsonElement status = await second.Api.StatusAsync(Token);
        Assert.Equal("refused", status.PolicyState());
        Assert.Equal("enforcing", status.GetProperty("state").GetString());
        Assert.Equal(generation, status.Generation());
        var under = await lab.TryAsync(Try.Allowed, Try.Denied);
        Assert.Equal(under.Expected, under.Observed);
    }

    [KernelTheory]
    [InlineData("tcx", "clsact")]
    [InlineData("clsact", "tcx")]
    public async Task A_successor_with_another_hook_leaves_one_judge_at_each(string hook, string other)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        lab.Serve(Try.Allowed, Try.Denied);
        RunningAgent first = await lab.StartAsync("--tc-hook", hook);
        await first.KillAsync();
        RunningAgent second = await lab.StartAsync("--tc-hook", other);
        // What the kernel refuses at first the agent tries again: what counts is where it ends.
        JsonElement applied = await second.StatusUntilAsync(status => status.PolicyState() == "applied");
        Assert.Equal([$"web0 {other}"], applied.Places("web"));
        AssertOneProgramAtEachHook(lab);
        Assert.Equal(other == "clsact", lab.OnRouter("tc", "qdisc", "show", "dev", "web0").Contains("clsact", StringComparison.Ordinal));
        var under = await lab.TryAsync(Try.Allowed, Try.Denied);
        Assert.Equal(under.Expected, under.Observed);
    }

    private static Task<string> RuleNumbersAsync(AgentLab lab) => File.ReadAllTextAsync(Path.Combine(lab.Site.StatePath, "rule-indexes"), Token);

    private static void AssertOneProgramAtEachHook(AgentLab lab)
    {
        // "up0 ingress Tcx dp_ingress 17" without what tells mechanisms and processes apart.
        IEnumerable<string> judges = lab.AtHooks().Select(line => line.Split(' ')).Select(words => $"{words[0]} {words[1]} {words[3]}");
        Assert.Equal(["up0 ingress dp_ingress", "up0 egress dp_egress", "web0 ingress dp_ingress", "web0 egress dp_egress"], judges);
    }
}
