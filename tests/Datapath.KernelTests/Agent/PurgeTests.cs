using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Agent;

public sealed class PurgeTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelTheory]
    [InlineData("tcx")]
    [InlineData("clsact")]
    public async Task Nothing_of_ours_is_left_and_what_others_attached_is_as_before(string hook)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        using var foreign = new ForeignPrograms(lab);
        foreign.Attach();
        string before = foreign.Listing();
        RunningAgent agent = await lab.StartAsync("--tc-hook", hook);
        await lab.Traces.RecordAsync(Token);
        Assert.NotEqual(before, foreign.Listing());
        await agent.KillAsync();

        CommandResult purge = await lab.PurgeAsync();
        Assert.Equal((0, ""), (purge.ExitCode, purge.StandardError));
        Assert.Equal(before, foreign.Listing());
        Assert.DoesNotContain(await lab.Traces.FindAsync(Token), trace => !ForeignPrograms.Owns(trace));

        CommandResult again = await lab.PurgeAsync();
        Assert.Equal((0, "nothing to remove\n", ""), (again.ExitCode, again.StandardOutput, again.StandardError));
    }

    [KernelTheory]
    [InlineData("tcx")]
    [InlineData("clsact")]
    public async Task What_others_have_stays_as_it_is_through_run_swap_restart_and_purge(string hook)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        using var foreign = new ForeignPrograms(lab);
        foreign.Attach();
        (string elsewhere, string atTc) = (foreign.Elsewhere(), foreign.Listing());
        void AssertUntouched()
        {
            Assert.Equal(elsewhere, foreign.Elsewhere());
            Assert.Equal(ForeignPrograms.AtTc(atTc), foreign.StillListed(atTc));
        }

        RunningAgent agent = await lab.StartAsync("--tc-hook", hook);
        AssertUntouched();
        await lab.ApplyAsync(agent, AgentPolicies.Only81);
        AssertUntouched();
        await agent.KillAsync();
        AssertUntouched();
        RunningAgent second = await lab.StartAsync("--tc-hook", hook);
        AssertUntouched();
        await second.KillAsync();
        CommandResult purge = await lab.PurgeAsync();
        Assert.Equal((0, ""), (purge.ExitCode, purge.StandardError));
        Assert.Equal((elsewhere, atTc), (foreign.Elsewhere(), foreign.Listing()));
    }

    [KernelFact]
    public async Task A_qdisc_that_we_made_stays_when_somebody_has_put_a_filter_there()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        using var foreign = new ForeignPrograms(lab);
        RunningAgent agent = await lab.StartAsync("--tc-hook", "clsact");
        foreign.AddFilter("web0", "ingress", priority: 9);
        await agent.KillAsync();
        CommandResult purge = await lab.PurgeAsync();
        Assert.Equal((0, ""), (purge.ExitCode, purge.StandardError));
        string left = lab.OnRouter("tc", "filter", "show", "dev", "web0", "ingress");
        Assert.Contains("pref 9 bpf", left, StringComparison.Ordinal);
        Assert.DoesNotContain("pref 1 ", left, StringComparison.Ordinal);
    }

    [KernelFact]
    public async Task Under_a_running_agent_it_is_refused_and_a_dry_run_only_lists()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        RunningAgent agent = await lab.StartAsync();
        var pinned = await lab.Traces.RecordAsync(Token);
        var attached = lab.AtHooks();
        CommandResult refused = await lab.PurgeAsync();
        Assert.Equal(2, refused.ExitCode);
        Assert.Equal($"datapath: the agent of instance '{lab.Site.Instance}' is running: stop it first, or use --force\n", refused.StandardError);
        await agent.KillAsync();

        CommandResult dry = await lab.PurgeAsync("--dry-run");
        Assert.Equal((0, ""), (dry.ExitCode, dry.StandardError));
        string[] lines = dry.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(lines, line => Assert.StartsWith($"{lab.Site.Instance}: would remove ", line, StringComparison.Ordinal));
        Assert.Equal(4, lines.Count(line => line.Contains("would remove link ", StringComparison.Ordinal)));
        Assert.Equal(pinned.Count, lines.Count(line => line.Contains("would remove pin ", StringComparison.Ordinal)));
        Assert.Equal(pinned, await lab.Traces.RecordAsync(Token));
        Assert.Equal(attached, lab.AtHooks());
    }
}
