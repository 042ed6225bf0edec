using System.Net.Sockets;
using System.Text.Json;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Agent;

public sealed class PolicyDirectoryTests
{
    // What a person expects of a save. The quickest of a few is compared, because a test machine may be busy.
    private static readonly TimeSpan SoonEnough = TimeSpan.FromSeconds(2);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelFact]
    public async Task An_edited_file_is_in_force_within_two_seconds()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        lab.Serve(Try.Allowed, Try.Denied);
        await lab.StartAsync();
        TimeSpan quickest = TimeSpan.MaxValue;
        foreach (string policy in (string[])[AgentPolicies.Only81, AgentPolicies.Friends, AgentPolicies.Only81])
        {
            bool is81 = policy == AgentPolicies.Only81;
            lab.WritePolicy(policy);
            long start = TimeProvider.System.GetTimestamp();
            // Asked of packets, not of the agent: what becomes denied is denied, what becomes allowed is answered.
            while (await lab.IsAnsweredAsync(Try.Denied, AddressFamily.InterNetwork) != is81)
            {
                Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(40), "the edit never was in force");
            }

            TimeSpan took = TimeProvider.System.GetElapsedTime(start);
            quickest = took < quickest ? took : quickest;
            var under = await lab.TryAsync(Try.Allowed with { IsAllowed = !is81 }, Try.Denied with { IsAllowed = is81 });
            Assert.Equal(under.Expected, under.Observed);
        }

        Assert.True(quickest < SoonEnough, $"the quickest edit took {quickest}");
    }

    [KernelFact]
    public async Task A_broken_file_keeps_the_last_good_policy_until_it_is_repaired()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        lab.Serve(Try.Allowed, Try.Denied);
        RunningAgent agent = await lab.StartAsync();
        uint good = (await agent.Api.StatusAsync(Token)).Generation();

        string path = lab.WritePolicy(AgentPolicies.Broken);
        JsonElement refused = await agent.StatusUntilAsync(status => status.PolicyState() == "refused");
        Assert.Equal(good, refused.Generation());
        CommandResult said = await lab.DatapathAsync("status", "--socket", lab.Site.SocketPath);
        Assert.Equal(0, said.ExitCode);
        Assert.Contains($"\n{path}:4:", said.StandardOutput, StringComparison.Ordinal);
        Assert.Contains("what was enforced before stays in force", said.StandardOutput, StringComparison.Ordinal);
        Assert.Contains(agent.Output, line => line.Contains($"{path}:4:", StringComparison.Ordinal));
        var under = await lab.TryAsync(Try.Allowed, Try.Denied);
        Assert.Equal(under.Expected, under.Observed);

        lab.WritePolicy(AgentPolicies.Only81);
        JsonElement repaired = await agent.StatusUntilAsync(status => status.PolicyState() == "applied");
        Assert.True(repaired.Generation() > good);
        Assert.Empty(repaired.GetProperty("policy").GetProperty("diagnostics").EnumerateArray());
        var after = await lab.TryAsync(Try.Allowed with { IsAllowed = false }, Try.Denied with { IsAllowed = true });
        Assert.Equal(after.Expected, after.Observed);
    }

    [KernelFact]
    public async Task A_first_start_with_a_broken_policy_ends_and_installs_nothing()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(policy: null);
        string path = lab.WritePolicy(AgentPolicies.Broken);
        CommandResult run = await lab.Site.CommandAsync(lab.Site.RunArguments, Token);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains($"{path}:4:", run.StandardError, StringComparison.Ordinal);
        await AssertNothingInstalledAsync(lab);
    }

    private static async Task AssertNothingInstalledAsync(AgentLab lab)
    {
        Assert.Empty(await lab.Traces.RecordAsync(Token));
        Assert.Empty(await lab.Traces.FindAsync(Token));
        Assert.Empty(lab.AtHooks());
    }
}
