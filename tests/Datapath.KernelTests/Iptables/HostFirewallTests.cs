using Datapath.Interop.Processes;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Iptables;

/// <summary>
/// Rules as ufw, Docker and firewalld write them, the packages themselves being nothing to install on a machine that others use: whatever the agent
/// does, they are byte for byte as they were.
/// </summary>
public sealed class HostFirewallTests
{
    // ufw 0.36, user.rules and before.rules in short: chains of its own behind the built-in ones, in IPv4 and IPv6; a user has added to mangle.
    private const string Ufw = """
        *filter
        :ufw-before-input - [0:0]
        :ufw-user-input - [0:0]
        :ufw-logging-deny - [0:0]
        -A INPUT -j ufw-before-input
        -A ufw-before-input -i lo -j ACCEPT
        -A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        -A ufw-before-input -m conntrack --ctstate INVALID -j ufw-logging-deny
        -A ufw-before-input -j ufw-user-input
        -A ufw-user-input -p tcp -m tcp --dport 22 -m comment --comment "'dapp_OpenSSH'" -j ACCEPT
        -A ufw-logging-deny -m limit --limit 3/min --limit-burst 10 -j RETURN
        COMMIT
        *mangle
        :FOREIGN - [0:0]
        -A PREROUTING -p tcp -m tcp --dport 7 -j FOREIGN
        -A FOREIGN -j MARK --set-xmark 0x5/0xffffffff
        COMMIT

        """;

    // Docker 24 with one published port.
    private const string Docker = """
        *nat
        :DOCKER - [0:0]
        -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
        -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
        -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
        -A DOCKER -i docker0 -j RETURN
        -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
        COMMIT
        *filter
        :DOCKER - [0:0]
        :DOCKER-USER - [0:0]
        -A FORWARD -j DOCKER-USER
        -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        -A FORWARD -o docker0 -j DOCKER
        -A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
        -A DOCKER-USER -j RETURN
        COMMIT

        """;

    // firewalld 1.3 with its nftables backend.
    private const string Firewalld = """
        table inet firewalld {
          chain mangle_PREROUTING_ZONES {
            return
          }
          chain mangle_PREROUTING {
            type filter hook prerouting priority mangle + 10; policy accept;
            jump mangle_PREROUTING_ZONES
          }
          chain filter_INPUT {
            type filter hook input priority filter + 10; policy accept;
            ct state { established, related } accept
            iifname "lo" accept
          }
        }

        """;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelTheory]
    [InlineData(Judge.Nft)]
    [InlineData(Judge.Legacy)]
    public async Task The_rules_of_host_firewalls_stay_byte_for_byte_through_all_that_an_agent_does(string judge)
    {
        await using AgentLab lab = await Judge.CreateLabAsync(judge, AgentPolicies.Friends);
        await RestoreAsync(lab, $"iptables-{judge}-restore --noflush", Ufw + Docker);
        await RestoreAsync(lab, $"ip6tables-{judge}-restore --noflush", Ufw);
        await RestoreAsync(lab, "nft -f -", Firewalld);
        string[] before = Listing(lab);
        Assert.Contains(before, line => line.Contains("DOCKER-USER", StringComparison.Ordinal));

        RunningAgent agent = await lab.StartAsync();
        Assert.Equal(before, Listing(lab));
        await lab.ApplyAsync(agent, AgentPolicies.Only81);
        Assert.Equal(before, Listing(lab));
        await OrderAsync(lab, "pause", "--for", "1h");
        Assert.Equal(before, Listing(lab));
        await OrderAsync(lab, "resume");
        uint damaged = (await agent.Api.StatusAsync(Token)).Generation();
        lab.OnRouter($"iptables-{judge}", "-t", "mangle", "-D", "POSTROUTING", "1");
        await agent.StatusUntilAsync(now => now.Generation() > damaged);
        Assert.Equal(before, Listing(lab));
        await agent.KillAsync();
        CommandResult purge = await lab.PurgeAsync();
        Assert.Equal((0, ""), (purge.ExitCode, purge.StandardError));
        Assert.Equal(before, Listing(lab));
    }

    private static string[] Listing(AgentLab lab) => [.. RuleListing.Foreign(lab), lab.OnRouter("nft", "list", "table", "inet", "firewalld")];

    private static async Task OrderAsync(AgentLab lab, params string[] words)
    {
        CommandResult result = await lab.DatapathAsync([.. words, "--socket", lab.Site.SocketPath]);
        Assert.Equal((0, ""), (result.ExitCode, result.StandardError));
    }

    private static async Task RestoreAsync(AgentLab lab, string command, string input)
    {
        CommandResult result = await CommandRunner.RunAsync("nsenter", [$"--net={lab.Router.NamespacePath}", .. command.Split(' ')], input, cancellation: Token);
        Assert.Equal((0, ""), (result.ExitCode, result.StandardError));
    }
}
