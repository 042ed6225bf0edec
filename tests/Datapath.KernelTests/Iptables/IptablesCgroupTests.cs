using System.Text.Json;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Iptables;

/// <summary>Units that are cgroups, judged by iptables: what they send, by their own rules; what comes in, by the host's (decision 0020).</summary>
public sealed class IptablesCgroupTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    // What the service may the host may not, and the other way round.
    private static readonly Try[] Sent =
    [
        new("svc", "client", "tcp/9443", IsAllowed: true),
        new("svc", "client", "udp/9053", IsAllowed: true),
        new("svc", "client", "tcp/9444", IsAllowed: false),
        new("svc", "client", "udp/9054", IsAllowed: false),
        new("router", "client", "tcp/9444", IsAllowed: true),
        new("router", "client", "udp/9054", IsAllowed: true),
        new("router", "client", "tcp/9443", IsAllowed: false),
        new("router", "client", "udp/9053", IsAllowed: false),
    ];

    private readonly LabCgroup _cgroup = LabCgroup.Create();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelFact]
    public async Task What_a_cgroup_sends_is_judged_by_its_own_policy_instead_of_the_hosts()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(CgroupTests.Policy(_cgroup.Path), enableEbpf: false);
        RuleListing.Prefer(lab, "nft");
        lab.AddRouterInCgroup("svc", _cgroup.Child("below"));
        lab.Serve(Sent);
        RunningAgent agent = await lab.StartAsync();
        Assert.Equal([$"{_cgroup.Path} mangle"], (await agent.Api.StatusAsync(Token)).Places("svc"));
        await RequireAsync(lab, Sent);
        // The rules are the kernel's, not the agent's.
        await agent.KillAsync();
        await RequireAsync(lab, Sent);
    }

    [KernelFact]
    public async Task With_the_legacy_variant_a_cgroup_is_not_enforced_and_keeps_nobody_from_changing_the_table()
    {
        LabCgroup gone = _cgroup.Child("worker");
        await using AgentLab lab = await AgentLab.CreateAsync(CgroupTests.Policy(gone.Path), enableEbpf: false);
        RuleListing.Prefer(lab, "legacy");
        lab.AddRouterInCgroup("svc", gone);
        lab.Serve(Sent);
        RunningAgent agent = await lab.StartAsync();
        JsonElement status = await agent.Api.StatusAsync(Token);
        Assert.Equal("applied", status.PolicyState());
        Assert.StartsWith("rules of cgroups need the nft variant of iptables, or eBPF: ", status.NotEnforced("svc"), StringComparison.Ordinal);
        // What its sockets send is the host's.
        await RequireAsync(lab, [.. Sent.Select(one => one with { IsAllowed = one.What is "tcp/9444" or "udp/9054" })]);

        gone.Dispose();
        // Fails with "Invalid argument" as long as any rule of the table names a cgroup that is gone.
        lab.OnRouter("iptables-legacy", "-t", "mangle", "-A", "INPUT", "-p", "udp", "--dport", "9", "-j", "DROP");
        lab.OnRouter("ip6tables-legacy", "-t", "mangle", "-A", "INPUT", "-p", "udp", "--dport", "9", "-j", "DROP");
        uint before = status.Generation();
        lab.WritePolicy(CgroupTests.Policy(gone.Path).Replace("tcp/9444", "tcp/9445", StringComparison.Ordinal));
        await agent.StatusUntilAsync(now => now.Generation() > before && now.PolicyState() == "applied");
    }

    [KernelFact]
    public async Task A_later_instance_is_judged_soon_and_its_rules_go_with_it()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(CgroupTests.Policy(_cgroup.Path + "/worker-*"), enableEbpf: false);
        RunningAgent agent = await lab.StartAsync();
        Assert.StartsWith("there is no cgroup", (await agent.Api.StatusAsync(Token)).NotEnforced("svc"), StringComparison.Ordinal);
        LabCgroup worker = _cgroup.Child("worker-1");
        await UntilAsync(() => Rules(lab) == 2, "no rule asks for the new instance");
        await agent.StatusUntilAsync(status => status.NotEnforced("svc") is null && status.Places("svc").SequenceEqual([$"{worker.Path} mangle"]));
        lab.AddRouterInCgroup("svc", worker);
        lab.Serve(Sent);
        await RequireAsync(lab, Sent);
        worker.Dispose();
        await UntilAsync(() => Rules(lab) == 0, "a rule asks for an instance that is gone");
        await agent.StatusUntilAsync(status => status.NotEnforced("svc")?.StartsWith("there is no cgroup", StringComparison.Ordinal) == true);
    }

    [KernelFact]
    public async Task What_is_refused_to_an_instance_is_asked_for_again_but_not_at_every_look()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(CgroupTests.Policy(_cgroup.Path + "/worker-*"), enableEbpf: false);
        // An agent to which ipset refuses every set while a file is there, and notes that it did.
        string refusing = Path.Combine(lab.Site.WorkPath, "refusing");
        string refused = Path.Combine(lab.Site.WorkPath, "refused");
        lab.WriteProgram("ipset", $"""if [ "$1" = restore ] && [ -e {refusing} ]; then echo >>{refused}; exit 1; fi; exec /usr/sbin/ipset "$@" """);
        string agentUnder = lab.WriteProgram("agent", $"""PATH={lab.Site.WorkPath}:$PATH exec {lab.Site.Executable} "$@" """);
        RunningAgent agent = await lab.StartAsync(lab.Site with { Executable = agentUnder });

        await File.WriteAllTextAsync(refusing, "", Token);
        _cgroup.Child("worker-1");
        await UntilAsync(() => File.Exists(refused), "nobody asked for a set of the new instance");
        // In between events are read, which come by the same look.
        await UntilAsync(() => agent.Output.Any(line => line.Contains("event=1202 ", StringComparison.Ordinal)), "no event is read as long as the instance is refused");
        Assert.Equal(0, Rules(lab));

        File.Delete(refusing);
        await UntilAsync(() => Rules(lab) == 2, "no rule asks for the instance that was refused");
    }

    [KernelFact]
    public async Task What_comes_in_to_a_cgroup_is_the_hosts_and_only_the_answers_are_its_own()
    {
        string policy = CgroupTests.Policy(_cgroup.Path);
        await using AgentLab lab = await AgentLab.CreateAsync(policy, enableEbpf: false);
        lab.AddRouterInCgroup("svc", _cgroup);
        Try[] received =
        [
            // The service would take these, and the host does not let them in.
            new("client", "svc", "tcp/8080", IsAllowed: false),
            new("client", "svc", "udp/5300", IsAllowed: false),
            // The host lets these in, and the service does not answer.
            new("client", "svc", "tcp/8081", IsAllowed: false),
            new("client", "svc", "udp/5301", IsAllowed: false),
        ];
        lab.Serve(received);
        RunningAgent agent = await lab.StartAsync();
        await RequireAsync(lab, received);

        await lab.ApplyAsync(agent, policy.Replace("protocolPorts: [tcp/8081, udp/5301,", "protocolPorts: [tcp/8080, tcp/8081, udp/5300, udp/5301,", StringComparison.Ordinal));
        await RequireAsync(lab, [.. received.Select(one => one with { IsAllowed = one.What is "tcp/8080" or "udp/5300" })]);
    }

    public void Dispose() => _cgroup.Dispose();

    private static int Rules(AgentLab lab) => RuleListing.Ours(lab, "nft").Count(line => line.Contains("-m cgroup --path", StringComparison.Ordinal));

    private static async Task RequireAsync(AgentLab lab, params Try[] tries)
    {
        (IEnumerable<string> expected, IEnumerable<string> observed) = await lab.TryAsync(tries);
        Assert.Equal(expected, observed);
    }

    private static async Task UntilAsync(Func<bool> condition, string otherwise)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, otherwise);
            await Task.Delay(TimeSpan.FromMilliseconds(100), Token);
        }
    }
}
