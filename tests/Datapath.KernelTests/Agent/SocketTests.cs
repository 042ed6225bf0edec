using System.Text.Json;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Agent;

public sealed class SocketTests
{
    [KernelTheory]
    [InlineData("tcx")]
    [InlineData("clsact")]
    public async Task Sockets_reach_what_the_policy_allows_and_nothing_else(string hook)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        lab.Serve(Try.UnderFriends);

        // Without an agent everything is answered; otherwise a silence would prove nothing.
        var before = await lab.TryAsync([.. Try.UnderFriends.Select(one => one with { IsAllowed = true })]);
        Assert.Equal(before.Expected, before.Observed);

        RunningAgent agent = await lab.StartAsync("--tc-hook", hook);
        JsonElement status = await agent.Api.StatusAsync(TestContext.Current.CancellationToken);
        Assert.Equal([$"up0 {hook}"], status.Places("router"));
        Assert.Equal([$"web0 {hook}"], status.Places("web"));
        var under = await lab.TryAsync(Try.UnderFriends);
        Assert.Equal(under.Expected, under.Observed);
    }
}
