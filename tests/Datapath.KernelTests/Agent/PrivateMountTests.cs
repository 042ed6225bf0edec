using System.Text.Json;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Agent;

/// <summary>An agent whose pins die with it says so.</summary>
public sealed class PrivateMountTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelFact]
    public async Task An_agent_under_ip_netns_exec_warns_that_enforcement_ends_with_it()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        await using RunningCommand command = RunningCommand.Start(
            "ip",
            ["netns", "exec", lab.Router.NamespaceName, lab.Site.Executable, .. lab.Site.RunArguments]
        );
        using var api = new AgentApi(lab.Site.SocketPath);
        long start = TimeProvider.System.GetTimestamp();
        while (!await api.IsEnforcingAsync(Token))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(60) && !command.HasExited, string.Join('\n', command.Output));
            await Task.Delay(TimeSpan.FromMilliseconds(100), Token);
        }

        await UntilAsync(() => command.Output.Any(line => line.Contains("nsenter --net", StringComparison.Ordinal)));
        JsonElement status = await api.StatusAsync(Token);
        string warning = Assert.Single(status.GetProperty("warnings").EnumerateArray()).GetString()!;
        Assert.Contains("ends, its pins and with them enforcement end", warning, StringComparison.Ordinal);

        // And it is true.
        Assert.NotEmpty(lab.AtHooks());
        await command.KillAsync();
        await UntilAsync(() => lab.AtHooks().IsEmpty);
    }

    [KernelFact]
    public async Task Any_other_agent_does_not()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        RunningAgent agent = await lab.StartAsync();
        Assert.Empty((await agent.Api.StatusAsync(Token)).GetProperty("warnings").EnumerateArray());
    }

    private static async Task UntilAsync(Func<bool> isSo)
    {
        for (int attempt = 0; !isSo() && attempt < 100; attempt++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), Token);
        }

        Assert.True(isSo());
    }
}
