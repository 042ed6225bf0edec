using System.Diagnostics;
using System.Net.Sockets;
using System.Text.Json;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Agent;

/// <summary>Policies on trial and pauses, with the real agent, which may be dead, and real traffic.</summary>
public sealed class TrialTests
{
    private const string Soon = "4s";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);
    private static readonly Try[] UnderFriends = [Try.Allowed, Try.Denied];
    private static readonly Try[] Under81 = [Try.Allowed with { IsAllowed = false }, Try.Denied with { IsAllowed = true }];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelTheory]
    [InlineData(Judge.Tcx)]
    [InlineData(Judge.Clsact)]
    [InlineData(Judge.Nft)]
    [InlineData(Judge.Legacy)]
    public async Task A_wrong_policy_cuts_and_the_right_one_comes_back_by_itself_with_the_agent_dead(string judge)
    {
        await using AgentLab lab = await Judge.CreateLabAsync(judge, AgentPolicies.Friends);
        lab.Serve(UnderFriends);
        RunningAgent agent = await lab.StartAsync(Judge.Options(judge));
        uint good = (await agent.Api.StatusAsync(Token)).Generation();
        using EchoConnection open = await lab.OpenToWebAsync(80);
        Assert.True(await open.EchoesAsync(Token));

        string wrong = WriteAside(lab, AgentPolicies.Only81);
        CommandResult applied = await OrderAsync(lab, "apply", wrong, "--confirm-within", Soon);
        Assert.Equal((0, ""), (applied.ExitCode, applied.StandardError));
        await agent.KillAsync();
        // Seen before its time is over, or not at all: a busy machine may be late.
        bool wasCut = !await lab.IsAnsweredAsync(Under81[0], AddressFamily.InterNetwork);
        await UntilAsync(() => lab.IsAnsweredAsync(Try.Allowed with { IsAllowed = false }, AddressFamily.InterNetwork));
        Assert.True(wasCut, "the policy on trial was never in force");
        await AssertAsync(lab, UnderFriends);
        // The connection of before lives: the policy that is back allows its opener.
        Assert.True(await open.EchoesAsync(Token));

        // What nobody confirmed is still in the directory, and is not applied again.
        RunningAgent second = await lab.StartAsync(Judge.Options(judge));
        JsonElement status = await second.StatusUntilAsync(status => status.PolicyState() == "rolled-back");
        Assert.Equal(good, status.Generation());
        await AssertAsync(lab, UnderFriends);
        // Nor after a boot, which leaves nothing in the kernel.
        await second.KillAsync();
        Assert.Equal(0, (await lab.PurgeAsync()).ExitCode);
        RunningAgent booted = await lab.StartAsync(Judge.Options(judge));
        await booted.StatusUntilAsync(status => status.PolicyState() == "rolled-back");
        await AssertAsync(lab, UnderFriends);
        CommandResult told = await OrderAsync(lab, "status");
        Assert.Contains("rolled back", told.StandardOutput, StringComparison.Ordinal);
        CommandResult again = await OrderAsync(lab, "apply", wrong);
        Assert.Equal((0, ""), (again.ExitCode, again.StandardError));
        await AssertAsync(lab, Under81);
    }

    [KernelTheory]
    [InlineData(Judge.Tcx)]
    [InlineData(Judge.Nft)]
    [InlineData(Judge.Legacy)]
    public async Task A_confirmed_policy_is_the_one_that_a_restart_begins_with(string judge)
    {
        await using AgentLab lab = await Judge.CreateLabAsync(judge, AgentPolicies.Friends);
        lab.Serve(UnderFriends);
        RunningAgent agent = await lab.StartAsync();
        Assert.Equal(0, (await OrderAsync(lab, "apply", WriteAside(lab, AgentPolicies.Only81), "--confirm-within", "1h")).ExitCode);
        CommandResult second = await OrderAsync(lab, "apply", WriteAside(lab, AgentPolicies.Friends), "--confirm-within", "1h");
        Assert.Equal(2, second.ExitCode);
        Assert.Contains("waits for confirmation", second.StandardError, StringComparison.Ordinal);
        await AssertAsync(lab, Under81);
        Assert.Equal(0, (await OrderAsync(lab, "confirm")).ExitCode);
        await agent.KillAsync();
        lab.WritePolicy(AgentPolicies.Broken);
        Assert.Equal(0, (await lab.PurgeAsync()).ExitCode);

        // As after a boot: nothing in the kernel, and a directory that is broken.
        RunningAgent booted = await lab.StartAsync();
        await booted.StatusUntilAsync(status => status.PolicyState() == "refused");
        await AssertAsync(lab, Under81);
    }

    [KernelTheory]
    [InlineData(Judge.Tcx)]
    [InlineData(Judge.Nft)]
    public async Task A_policy_on_trial_follows_the_host_and_so_does_the_one_before_it(string judge)
    {
        await using AgentLab lab = await Judge.CreateLabAsync(judge, AgentPolicies.Friends, hasPod: false);
        lab.Serve([.. UnderFriends.Select(one => one with { To = "router" })]);
        RunningAgent agent = await lab.StartAsync();
        Assert.Equal(0, (await OrderAsync(lab, "apply", WriteAside(lab, AgentPolicies.Only81), "--confirm-within", "1h")).ExitCode);
        await lab.ConnectPodAsync();
        lab.Serve(UnderFriends);
        await agent.StatusUntilAsync(status => status.Places("web").Count > 0);
        await AssertAsync(lab, Under81);
        CommandResult back = await OrderAsync(lab, "rollback");
        Assert.Equal((0, ""), (back.ExitCode, back.StandardError));
        await AssertAsync(lab, UnderFriends);
    }

    [KernelTheory]
    [InlineData(Judge.Tcx)]
    [InlineData(Judge.Nft)]
    [InlineData(Judge.Legacy)]
    public async Task A_pause_ends_by_itself_with_the_agent_dead_and_leaves_another_instance_alone(string judge)
    {
        await using AgentLab lab = await Judge.CreateLabAsync(judge, AgentPolicies.Friends);
        await using AgentLab neighbour = await Judge.CreateLabAsync(judge, AgentPolicies.Friends);
        lab.Serve(UnderFriends);
        neighbour.Serve(UnderFriends);
        RunningAgent agent = await lab.StartAsync();
        await neighbour.StartAsync();
        Assert.Equal(0, (await OrderAsync(lab, "pause", "--for", Soon)).ExitCode);
        await agent.KillAsync();
        bool passed = await lab.IsAnsweredAsync(Try.Denied, AddressFamily.InterNetwork);
        await AssertAsync(neighbour, UnderFriends);
        await UntilAsync(async () => !await lab.IsAnsweredAsync(Try.Denied, AddressFamily.InterNetwork));
        Assert.True(passed, "nothing was paused");
        await AssertAsync(lab, UnderFriends);
    }

    [KernelFact]
    public async Task Nobody_but_root_gives_orders()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        await lab.StartAsync();
        // Of the agent's group, and with modes that let everybody in: as somebody does who wants others to read the status.
        File.SetUnixFileMode(lab.Site.WorkPath, (UnixFileMode)0b111_101_101);
        File.SetUnixFileMode(lab.Site.SocketPath, (UnixFileMode)0b110_110_110);
        string[] asNobody = ["--reuid=65534", "--regid=65534", "--groups=0", "curl", "-s", "--unix-socket", lab.Site.SocketPath];
        CommandResult status = await CommandRunner.RunAsync("setpriv", [.. asNobody, "http://agent/v1/status"], cancellation: Token);
        Assert.Contains("enforcing", status.StandardOutput, StringComparison.Ordinal);
        CommandResult order = await CommandRunner.RunAsync(
            "setpriv",
            [.. asNobody, "-X", "POST", "http://agent/v1/orders/pause?seconds=60"],
            cancellation: Token
        );
        Assert.Equal("only root gives orders\n", order.StandardOutput);
    }

    private static string WriteAside(AgentLab lab, string policy)
    {
        string path = Path.Combine(lab.Site.WorkPath, "aside.yaml");
        File.WriteAllText(path, policy);
        return path;
    }

    private static Task<CommandResult> OrderAsync(AgentLab lab, string verb, params string[] arguments) =>
        lab.DatapathAsync([verb, .. arguments, "--socket", lab.Site.SocketPath]);

    private static async Task AssertAsync(AgentLab lab, Try[] tries)
    {
        (IEnumerable<string> expected, IEnumerable<string> observed) = await lab.TryAsync(tries);
        Assert.Equal(expected, observed);
    }

    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        long start = Stopwatch.GetTimestamp();
        while (!await isSo())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Patience, "it did not come to pass");
        }
    }
}
