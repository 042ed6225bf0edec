using Datapath.Interop.Processes;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Iptables;

/// <summary>What <c>datapath purge</c> does about the marks of connections, which have no name that says whose they are.</summary>
public sealed class PurgeOfMarksTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelFact]
    public async Task Marks_go_also_where_somebody_has_flushed_all_the_rest()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        lab.Serve(Try.Allowed);
        RunningAgent agent = await lab.StartAsync();
        using EchoConnection established = await lab.OpenToWebAsync(80);
        Assert.True(await established.EchoesAsync(Token));
        await agent.KillAsync();
        foreach (string program in (string[])["iptables-nft", "ip6tables-nft"])
        {
            lab.OnRouter(program, "-t", "mangle", "-F");
            lab.OnRouter(program, "-t", "mangle", "-X");
        }

        lab.OnRouter("ipset", "destroy");
        int marked = RuleListing.MarkedConnections(lab);
        Assert.NotEqual(0, marked);

        string said = $"the mark of {marked} {(marked == 1 ? "connection" : "connections")}\n";
        CommandResult look = await lab.PurgeAsync("--dry-run");
        Assert.Equal((0, $"{lab.Site.Instance}: would remove {said}"), (look.ExitCode, look.StandardOutput));
        Assert.Equal(marked, RuleListing.MarkedConnections(lab));
        CommandResult purge = await lab.PurgeAsync();
        Assert.Equal((0, $"{lab.Site.Instance}: removed {said}", ""), (purge.ExitCode, purge.StandardOutput, purge.StandardError));
        Assert.Equal(0, RuleListing.MarkedConnections(lab));
        CommandResult again = await lab.PurgeAsync();
        Assert.Equal((0, "nothing to remove\n", ""), (again.ExitCode, again.StandardOutput, again.StandardError));
    }

    [KernelFact]
    public async Task Marks_stay_for_another_instance_that_judges_by_them_and_go_with_the_last()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        lab.Serve(Try.Allowed);
        AgentSite second = lab.Site with { Instance = $"{lab.Site.Instance}-b", WorkPath = Path.Combine(lab.Site.WorkPath, "second") };
        Directory.CreateDirectory(second.PolicyPath);
        await File.WriteAllTextAsync(Path.Combine(second.PolicyPath, "policy.yaml"), AgentPolicies.Friends, Token);
        RunningAgent first = await lab.StartAsync();
        await (await lab.StartAsync(second)).KillAsync();
        using EchoConnection established = await lab.OpenToWebAsync(80);
        Assert.True(await established.EchoesAsync(Token));
        await first.KillAsync();
        int marked = RuleListing.MarkedConnections(lab);
        Assert.NotEqual(0, marked);

        CommandResult purge = await lab.PurgeAsync();
        Assert.Equal((0, ""), (purge.ExitCode, purge.StandardError));
        Assert.Contains($"{lab.Site.Instance}: leaves the mark of {marked} connection", purge.StandardOutput, StringComparison.Ordinal);
        Assert.Contains($" to instance {second.Instance}, which judges by it too\n", purge.StandardOutput, StringComparison.Ordinal);
        Assert.Equal(marked, RuleListing.MarkedConnections(lab));
        // The answers of what was opened need the mark.
        Assert.True(await established.EchoesAsync(Token), "the connection of the instance that stayed was cut");

        CommandResult last = await second.CommandAsync(["purge", "--instance", second.Instance], Token);
        Assert.Equal((0, ""), (last.ExitCode, last.StandardError));
        Assert.DoesNotContain("leaves", last.StandardOutput, StringComparison.Ordinal);
        Assert.Equal(0, RuleListing.MarkedConnections(lab));
    }
}
