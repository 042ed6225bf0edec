using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Agent;

/// <summary>Two agents of one kernel, each in a network namespace of its own.</summary>
public sealed class NeighbourTests
{
    private static readonly Try[] Under81 = [Try.Allowed with { IsAllowed = false }, Try.Denied with { IsAllowed = true }];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelTheory]
    [InlineData("tcx")]
    [InlineData("clsact")]
    public async Task Purging_one_leaves_the_other_as_it_was(string hook)
    {
        await using AgentLab one = await AgentLab.CreateAsync(AgentPolicies.Friends);
        await using AgentLab other = await AgentLab.CreateAsync(AgentPolicies.Only81);
        one.Serve(Try.Allowed, Try.Denied);
        other.Serve(Try.Allowed, Try.Denied);
        RunningAgent agent = await one.StartAsync("--tc-hook", hook);
        RunningAgent survivor = await other.StartAsync("--tc-hook", hook);
        await AssertBothEnforceAsync(one, other);
        await one.Traces.RecordAsync(Token);
        var pinned = await other.Traces.RecordAsync(Token);
        var attached = other.AtHooks();
        Assert.Equal(4, attached.Length);

        await agent.KillAsync();
        CommandResult purge = await one.PurgeAsync();
        Assert.Equal((0, ""), (purge.ExitCode, purge.StandardError));
        Assert.Empty(await one.Traces.FindAsync(Token));
        Assert.Equal(pinned, await other.Traces.RecordAsync(Token));
        Assert.Equal(attached, other.AtHooks());
        Assert.True(await survivor.Api.IsEnforcingAsync(Token));
        var alone = await other.TryAsync(Under81);
        Assert.Equal(alone.Expected, alone.Observed);
        var free = await one.TryAsync(Try.Allowed, Try.Denied with { IsAllowed = true });
        Assert.Equal(free.Expected, free.Observed);
    }

    [KernelTheory]
    [InlineData("tcx", true)]
    [InlineData("tcx", false)]
    [InlineData("clsact", true)]
    [InlineData("clsact", false)]
    public async Task The_name_of_an_instance_is_refused_in_another_namespace(string hook, bool isRunning)
    {
        await using AgentLab one = await AgentLab.CreateAsync(AgentPolicies.Friends);
        await using AgentLab other = await AgentLab.CreateAsync(AgentPolicies.Only81);
        one.Serve(Try.Allowed, Try.Denied);
        RunningAgent agent = await one.StartAsync("--tc-hook", hook);
        if (!isRunning)
        {
            await agent.KillAsync();
        }

        var pinned = await one.Traces.RecordAsync(Token);
        // The same name, but files of its own: only the kernel objects can tell.
        AgentSite intruder = other.Site with { Instance = one.Site.Instance };
        CommandResult run = await intruder.CommandAsync([.. intruder.RunArguments, "--tc-hook", hook], Token);
        CommandResult purge = await intruder.CommandAsync(["purge", "--instance", intruder.Instance], Token);

        // A living agent holds its name on the whole machine; of a dead one the kernel objects tell.
        string refusal = isRunning ? "running" : $"instance {one.Site.Instance} enforces in another network namespace (inode ";
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(refusal, run.StandardError, StringComparison.Ordinal);
        Assert.Equal(2, purge.ExitCode);
        Assert.Contains(refusal, purge.StandardError, StringComparison.Ordinal);
        Assert.All([run, purge], command => Assert.Contains(one.Site.Instance, command.StandardError, StringComparison.Ordinal));
        Assert.Equal(pinned, await one.Traces.RecordAsync(Token));
        Assert.Empty(other.AtHooks());
        var under = await one.TryAsync(Try.Allowed, Try.Denied);
        Assert.Equal(under.Expected, under.Observed);
    }

    [KernelFact]
    public async Task A_namespace_that_is_gone_holds_no_name()
    {
        await using AgentLab other = await AgentLab.CreateAsync(AgentPolicies.Friends);
        string instance;
        await using (AgentLab one = await AgentLab.CreateAsync(AgentPolicies.Friends))
        {
            instance = one.Site.Instance;
            RunningAgent agent = await one.StartAsync();
            await agent.KillAsync();
            one.OnRouter("ip", "link", "delete", "up0");
            one.OnRouter("ip", "link", "delete", "web0");
            AgentSite heir = other.Site with { Instance = instance };
            CommandResult purge = await heir.CommandAsync(["purge", "--instance", instance], Token);
            Assert.Equal((0, ""), (purge.ExitCode, purge.StandardError));
        }
    }

    private static async Task AssertBothEnforceAsync(AgentLab friends, AgentLab only81)
    {
        var first = friends.TryAsync(Try.Allowed, Try.Denied);
        var second = only81.TryAsync(Under81);
        Assert.Equal((await first).Expected, (await first).Observed);
        Assert.Equal((await second).Expected, (await second).Observed);
    }
}
