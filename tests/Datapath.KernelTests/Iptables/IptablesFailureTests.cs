using System.Globalization;
using System.Text.Json;
using Datapath.Interop.Netlink;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Iptables;

/// <summary>What fails after the switch, meets somebody else at the same moment, or was done to our rules without changing their number.</summary>
public sealed class IptablesFailureTests
{
    // Of the connection mark: opened under policy.
    private const uint Opened = 0x4000_0000;

    // Two looks of the guard, every three seconds.
    private static readonly TimeSpan TwoLooks = TimeSpan.FromSeconds(7);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelFact]
    public async Task What_judged_before_and_cannot_be_removed_yet_does_not_come_back()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        lab.Serve(Try.Allowed, Try.Denied);
        RunningAgent agent = await lab.StartAsync();
        lab.OnRouter("iptables-nft", "-N", "FOREIGN");
        lab.OnRouter("iptables-nft", "-A", "FOREIGN", "-m", "set", "--match-set", RuleListing.Sets(lab)[0], "src", "-j", "RETURN");
        uint before = (await agent.Api.StatusAsync(Token)).Generation();

        string next = Path.Combine(lab.Site.WorkPath, "next.yaml");
        await File.WriteAllTextAsync(next, AgentPolicies.Only81, Token);
        CommandResult apply = await lab.DatapathAsync("apply", next, "--socket", lab.Site.SocketPath);
        Assert.Equal((0, ""), (apply.ExitCode, apply.StandardError));
        await Task.Delay(TwoLooks, Token);
        JsonElement status = await agent.Api.StatusAsync(Token);
        Assert.Equal((before + 1, "applied"), (status.Generation(), status.PolicyState()));
        var under = await lab.TryAsync(Try.Allowed with { IsAllowed = false }, Try.Denied with { IsAllowed = true });
        Assert.Equal(under.Expected, under.Observed);
        Assert.Equal(3, RuleListing.Sets(lab).Length);
        Assert.Contains(agent.Output, line => line.Contains("in use", StringComparison.Ordinal));

        lab.OnRouter("iptables-nft", "-F", "FOREIGN");
        await agent.StatusUntilAsync(_ => RuleListing.Sets(lab).Length == 2);
    }

    [KernelTheory]
    [InlineData("nft")]
    [InlineData("legacy")]
    public async Task Rules_that_were_exchanged_for_others_are_put_back_once(string variant)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        RuleListing.Prefer(lab, variant);
        lab.Serve(Try.Denied);
        RunningAgent agent = await lab.StartAsync();
        // Long enough for the guard to know what is to be there.
        await Task.Delay(TwoLooks, Token);
        uint before = (await agent.Api.StatusAsync(Token)).Generation();
        string dropping = RuleListing.Ours(lab, variant).First(line => line.EndsWith(" -j DROP", StringComparison.Ordinal)).Split(' ')[1];
        string[] rules = lab.OnRouter($"iptables-{variant}", "-t", "mangle", "-S", dropping).Split('\n', StringSplitOptions.RemoveEmptyEntries)[1..];
        int last = Array.FindLastIndex(rules, rule => rule.EndsWith(" -j DROP", StringComparison.Ordinal)) + 1;
        lab.OnRouter($"iptables-{variant}", "-t", "mangle", "-R", dropping, last.ToString(CultureInfo.InvariantCulture), "-j", "RETURN");

        uint repaired = (await agent.StatusUntilAsync(status => status.Generation() > before)).Generation();
        Assert.Contains(agent.Output, line => line.Contains("rules of ours are not as they were", StringComparison.Ordinal));
        await Task.Delay(TwoLooks, Token);
        Assert.Equal(repaired, (await agent.Api.StatusAsync(Token)).Generation());
        var under = await lab.TryAsync(Try.Denied);
        Assert.Equal(under.Expected, under.Observed);
    }

    [KernelFact]
    public async Task A_connection_that_opened_while_our_rules_were_gone_goes_on_when_they_are_back()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        lab.Serve(Try.Allowed);
        RunningAgent agent = await lab.StartAsync();
        uint before = (await agent.Api.StatusAsync(Token)).Generation();
        lab.OnRouter("sh", "-c", "printf '*mangle\\n-F PREROUTING\\n-F POSTROUTING\\nCOMMIT\\n' | iptables-nft-restore --noflush");
        using EchoConnection connection = await lab.OpenToWebAsync(80);
        Assert.True(await connection.EchoesAsync(Token));
        await agent.StatusUntilAsync(status => status.Generation() > before);
        Assert.True(await connection.EchoesAsync(Token));
    }

    [KernelFact]
    public async Task Whoever_follows_a_killed_agent_ends_what_its_last_policy_revoked()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        lab.Serve(Try.Allowed);
        string armed = Path.Combine(lab.Site.WorkPath, "armed");
        Directory.CreateDirectory(Path.Combine(lab.Site.WorkPath, "bin"));
        string program = lab.WriteProgram("bin/ip6tables-nft-restore", $"/usr/sbin/ip6tables-nft-restore \"$@\"\ncode=$?\n[ -e {armed} ] && kill -9 $PPID\nexit $code");
        string executable = lab.WriteProgram("agent", $"PATH={Path.GetDirectoryName(program)}:$PATH exec {lab.Site.Executable} \"$@\"");
        RunningAgent agent = await lab.StartAsync(lab.Site with { Executable = executable });
        using EchoConnection connection = await lab.OpenToWebAsync(80);
        Assert.True(await connection.EchoesAsync(Token));
        Assert.Equal(1, OpenedConnections(lab));

        await File.WriteAllTextAsync(armed, "", Token);
        string next = Path.Combine(lab.Site.WorkPath, "next.yaml");
        await File.WriteAllTextAsync(next, AgentPolicies.Only81, Token);
        Assert.NotEqual(0, (await lab.DatapathAsync("apply", next, "--socket", lab.Site.SocketPath)).ExitCode);
        File.Delete(armed);
        Assert.Equal(1, OpenedConnections(lab));
        await agent.KillAsync();

        RunningAgent successor = await lab.StartAsync();
        await successor.StatusUntilAsync(status => status.PolicyState() == "applied");
        Assert.Equal(0, OpenedConnections(lab));
    }

    [KernelFact]
    public async Task A_log_group_that_somebody_else_reads_keeps_nothing_from_being_enforced()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        lab.Serve(Try.Allowed, Try.Denied);
        await (await lab.StartAsync()).KillAsync();
        string log = RuleListing.Ours(lab, "nft").First(line => line.Contains("--nflog-group", StringComparison.Ordinal));
        ushort group = ushort.Parse(log.Split(' ')[^1], CultureInfo.InvariantCulture);
        Assert.Equal(0, (await lab.PurgeAsync()).ExitCode);

        RunningAgent agent;
        using (lab.Router.Run(() => new PacketLog(group, 64)))
        {
            agent = await lab.StartAsync();
            var under = await lab.TryAsync(Try.Allowed, Try.Denied);
            Assert.Equal(under.Expected, under.Observed);
            await agent.StatusUntilAsync(_ => agent.Output.Any(line => line.Contains($"NFLOG group {group}", StringComparison.Ordinal)));
        }

        await agent.StatusUntilAsync(_ => agent.Output.Any(line => line.Contains("events are read again", StringComparison.Ordinal)));
    }

    [KernelFact]
    public async Task Who_is_refused_because_a_trial_ends_leaves_what_its_end_has_done()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        // The agent's next set is filled only when IPv4 has gone back, as if whoever ends the trial had got so far meanwhile.
        Directory.CreateDirectory(Path.Combine(lab.Site.WorkPath, "bin"));
        string claim = Path.Combine(lab.Site.WorkPath, "claim");
        string program = lab.WriteProgram("bin/ipset", $"if [ \"$1\" = restore ] && [ -e {claim} ]; then iptables-nft-restore --noflush <{claim} && mv {claim} {claim}.done; fi\nexec /usr/sbin/ipset \"$@\"");
        string executable = lab.WriteProgram("agent", $"PATH={Path.GetDirectoryName(program)}:$PATH exec {lab.Site.Executable} \"$@\"");
        RunningAgent agent = await lab.StartAsync(lab.Site with { Executable = executable });
        string next = Path.Combine(lab.Site.WorkPath, "next.yaml");
        await File.WriteAllTextAsync(next, AgentPolicies.Only81, Token);
        Assert.Equal(0, (await lab.DatapathAsync("apply", next, "--confirm-within", "1h", "--socket", lab.Site.SocketPath)).ExitCode);

        string[] rules = lab.OnRouter("iptables-nft-save", "-t", "mangle").Split('\n');
        string lease = rules.Single(line => line.Contains("--comment lease-confirm-", StringComparison.Ordinal));
        string[] trial = [.. rules.Where(line => line.StartsWith("-A P", StringComparison.Ordinal))];
        string back = trial[0].Split(' ')[^1].Split('.')[1] + $".{int.Parse(lease.Split('-')[^2], CultureInfo.InvariantCulture):x}.";
        string[] before = [.. trial.Select(line => $"{line[..(line.IndexOf("dp.", StringComparison.Ordinal) + 3)]}{back}{line.Split('.')[^1]}")];
        string text = string.Concat([.. trial.Append(lease).Select(line => $"-D{line[2..]}\n"), .. before.Append(lease.Replace("lease-confirm", "ending-confirm", StringComparison.Ordinal)).Select(line => $"{line}\n")]);
        await File.WriteAllTextAsync(claim, $"*mangle\n{text}COMMIT\n", Token);
        lab.OnRouter("ip", "address", "add", "10.77.0.99/24", "dev", "up0");
        await agent.StatusUntilAsync(_ => File.Exists(claim + ".done"));
        // Another change is another apply, which finds that somebody goes back.
        lab.OnRouter("ip", "address", "delete", "10.77.0.99/24", "dev", "up0");
        await Task.Delay(TwoLooks, Token);
        string[] now = lab.OnRouter("iptables-nft-save", "-t", "mangle").Split('\n');
        Assert.Equal(before, now.Where(line => line.StartsWith("-A P", StringComparison.Ordinal)));

        Assert.Equal(0, (await lab.DatapathAsync("rollback", "--socket", lab.Site.SocketPath)).ExitCode);
        Assert.DoesNotContain(RuleListing.Ours(lab, "nft"), line => line.Contains("-confirm-", StringComparison.Ordinal));
        lab.Serve(Try.Allowed, Try.Denied);
        var under = await lab.TryAsync(Try.Allowed, Try.Denied);
        Assert.Equal(under.Expected, under.Observed);
    }

    private static int OpenedConnections(AgentLab lab) => lab.Router.Run(() => Conntrack.Read().Count(entry => (entry.Mark & Opened) != 0));
}
