using System.Diagnostics;
using System.Text.Json;
using Datapath.Interop.Libc;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Iptables;

/// <summary>The process that ends a trial or a pause of iptables: nobody's child, there as long as it is needed, at peace with an agent that lives.</summary>
public sealed class LeaseKeeperTests
{
    private const int Kill = 9;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);
    private static readonly Try Cut = Try.Allowed with { IsAllowed = false };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelTheory]
    [InlineData("confirm")]
    [InlineData("rollback")]
    [InlineData("resume")]
    [InlineData("purge")]
    public async Task It_is_nobodys_child_and_ends_with_what_it_waits_for(string verb)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        RunningAgent agent = await lab.StartAsync();
        Assert.Empty(Keepers(lab));
        await OrderAsync(lab, verb == "resume" ? ["pause", "--for", "1h"] : ["apply", WriteAside(lab), "--confirm-within", "1h"]);
        int keeper = Assert.Single(Keepers(lab));
        string[] stat = File.ReadAllText($"/proc/{keeper}/stat").Split(") ")[1].Split(' ');
        Assert.NotEqual(agent.ProcessId, int.Parse(stat[1]));
        Assert.NotEqual(File.ReadAllText($"/proc/{agent.ProcessId}/stat").Split(") ")[1].Split(' ')[3], stat[3]);
        Assert.Equal("/dev/null", File.ResolveLinkTarget($"/proc/{keeper}/fd/1", returnFinalTarget: false)?.FullName);

        if (verb == "purge")
        {
            await agent.KillAsync();
            Assert.Equal([keeper], Keepers(lab));
            CommandResult purge = await lab.PurgeAsync();
            Assert.Equal((0, ""), (purge.ExitCode, purge.StandardError));
        }
        else
        {
            await OrderAsync(lab, verb);
        }

        await UntilAsync(() => Keepers(lab).Length == 0);
        Assert.DoesNotContain(RuleListing.Ours(lab, "nft"), line => line.Contains(".lease", StringComparison.Ordinal));
    }

    [KernelFact]
    public async Task An_agent_that_lives_goes_back_itself_and_once()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        lab.Serve(Try.Allowed);
        RunningAgent agent = await lab.StartAsync();
        uint good = (await agent.Api.StatusAsync(Token)).Generation();
        await OrderAsync(lab, "apply", WriteAside(lab), "--confirm-within", "2s");
        JsonElement status = await agent.StatusUntilAsync(now => now.PolicyState() == "rolled-back");
        Assert.Equal(good, status.Generation());
        await UntilAsync(() => Keepers(lab).Length == 0);
        // What the other one would have done after its patience for us has not been done a second time.
        await Task.Delay(TimeSpan.FromSeconds(3), Token);
        Assert.Equal(good, (await agent.Api.StatusAsync(Token)).Generation());
        Assert.Equal(2, RuleListing.Sets(lab).Length);
        var under = await lab.TryAsync(Try.Allowed);
        Assert.Equal(under.Expected, under.Observed);
    }

    [KernelFact]
    public async Task A_keeper_that_somebody_killed_is_replaced_and_rules_that_somebody_flushed_are_back_with_their_end()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        lab.Serve(Try.Allowed, Try.Denied);
        RunningAgent agent = await lab.StartAsync();
        await OrderAsync(lab, "apply", WriteAside(lab), "--confirm-within", "1h");
        int keeper = Assert.Single(Keepers(lab));
        Unix.Signal(keeper, Kill);
        await UntilAsync(() => Keepers(lab) is [var other] && other != keeper);

        uint damaged = (await agent.Api.StatusAsync(Token)).Generation();
        lab.OnRouter("iptables-nft", "-t", "mangle", "-F");
        await agent.StatusUntilAsync(now => now.Generation() > damaged);
        var under = await lab.TryAsync(Cut);
        Assert.Equal(under.Expected, under.Observed);
        await OrderAsync(lab, "rollback");
        var before = await lab.TryAsync(Try.Allowed, Try.Denied);
        Assert.Equal(before.Expected, before.Observed);
    }

    [KernelFact]
    public async Task What_a_pause_lets_pass_is_counted_under_the_rule_that_denies_it_and_a_new_policy_does_not_end_it()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        lab.Serve(Try.Allowed, Try.Denied);
        RunningAgent agent = await lab.StartAsync();
        uint judged = (await agent.Api.StatusAsync(Token)).Generation();
        await OrderAsync(lab, "pause", "--for", "1h");
        Assert.Equal(judged, (await agent.Api.StatusAsync(Token)).Generation());
        var paused = await lab.TryAsync(Try.Allowed, Try.Denied with { IsAllowed = true });
        Assert.Equal(paused.Expected, paused.Observed);
        // The default of /t, which denies, has let pass; nothing was dropped.
        Assert.Contains(lab.OnRouter("iptables-nft-save", "-c", "-t", "mangle").Split('\n'), line => IsCountedPassing(line));
        Assert.DoesNotContain(Active(lab), line => line.Contains("-j DROP", StringComparison.Ordinal));

        await lab.ApplyAsync(agent, AgentPolicies.Only81);
        var still = await lab.TryAsync(Try.Allowed, Try.Denied with { IsAllowed = true });
        Assert.Equal(still.Expected, still.Observed);
        await OrderAsync(lab, "resume");
        var after = await lab.TryAsync(Cut, Try.Denied with { IsAllowed = true });
        Assert.Equal(after.Expected, after.Observed);
    }

    private static bool IsCountedPassing(string line) =>
        !line.StartsWith("[0:", StringComparison.Ordinal) && line.Contains("--comment p", StringComparison.Ordinal) && !line.Contains("-j DROP", StringComparison.Ordinal);

    // The rules of the generation that PREROUTING jumps to.
    private static IEnumerable<string> Active(AgentLab lab)
    {
        string[] rules = RuleListing.Ours(lab, "nft");
        string anchor = rules.First(line => line.StartsWith("-A PREROUTING -j dp.", StringComparison.Ordinal));
        string start = anchor[(anchor.LastIndexOf(' ') + 1)..anchor.LastIndexOf('.')];
        return rules.Where(line => line.StartsWith($"-A {start}.", StringComparison.Ordinal));
    }

    private static int[] Keepers(AgentLab lab) =>
        [
            .. Directory
                .GetDirectories("/proc")
                .Select(path => int.TryParse(Path.GetFileName(path), out int id) ? id : 0)
                .Where(id => id > 0 && CommandLine(id) is var words && words.Contains("rollback-at") && words.Contains(lab.Site.Instance))
                // Not the program that starts it.
                .Where(id => !CommandLine(id).Contains("--fork")),
        ];

    private static string[] CommandLine(int id)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/cmdline").Split('\0');
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static string WriteAside(AgentLab lab)
    {
        string path = Path.Combine(lab.Site.WorkPath, "aside.yaml");
        File.WriteAllText(path, AgentPolicies.Only81);
        return path;
    }

    private static async Task OrderAsync(AgentLab lab, params string[] words)
    {
        CommandResult result = await lab.DatapathAsync([.. words, "--socket", lab.Site.SocketPath]);
        Assert.Equal((0, ""), (result.ExitCode, result.StandardError));
    }

    private static async Task UntilAsync(Func<bool> isSo)
    {
        long start = Stopwatch.GetTimestamp();
        while (!isSo())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Patience, "it did not come to pass");
            await Task.Delay(20, Token);
        }
    }
}
