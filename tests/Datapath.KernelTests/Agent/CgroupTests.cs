using System.Net;
using System.Text.Json;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Datapath.Lab.Networks;
using Xunit;

namespace Datapath.KernelTests.Agent;

/// <summary>Units that are cgroups, with real sockets: the service <c>svc</c> of the router has a cgroup and rules of its own.</summary>
public sealed class CgroupTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan BetweenQuestions = TimeSpan.FromMilliseconds(20);

    /// <summary>What the cgroup's policy says; the host's says the contrary of each.</summary>
    private static readonly Try[] OfService =
    [
        new("client", "svc", "tcp/8080", IsAllowed: true),
        new("client", "svc", "udp/5300", IsAllowed: true),
        new("client", "svc", "tcp/8081", IsAllowed: false),
        new("client", "svc", "udp/5301", IsAllowed: false),
        new("svc", "client", "tcp/9443", IsAllowed: true),
        new("svc", "client", "udp/9053", IsAllowed: true),
        new("svc", "client", "tcp/9444", IsAllowed: false),
        new("svc", "client", "udp/9054", IsAllowed: false),
        new("web", "svc", "tcp/8080", IsAllowed: false),
    ];

    /// <summary>The host's own sockets go on by the host's policy.</summary>
    private static readonly Try[] OfHost =
    [
        new("client", "router", "tcp/8081", IsAllowed: true),
        new("client", "router", "tcp/8080", IsAllowed: false),
        new("router", "client", "tcp/9444", IsAllowed: true),
        new("router", "client", "tcp/9443", IsAllowed: false),
        new("client", "router", "ping", IsAllowed: true),
    ];

    private readonly LabCgroup _cgroup = LabCgroup.Create();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelFact]
    public async Task A_cgroup_is_judged_by_its_own_policy_instead_of_the_hosts()
    {
        await using AgentLab lab = await LabAsync(Policy(_cgroup.Path));
        lab.AddRouterInCgroup("svc", _cgroup);
        lab.Serve(OfService);
        RunningAgent agent = await lab.StartAsync();
        Assert.Equal([$"{_cgroup.Path} cgroup"], (await agent.Api.StatusAsync(Token)).Places("svc"));
        await RequireAsync(lab, OfService);
    }

    [KernelFact]
    public async Task The_rest_of_the_host_is_judged_as_before()
    {
        await using AgentLab lab = await LabAsync(Policy(_cgroup.Path));
        lab.Serve(OfHost);
        await lab.StartAsync();
        await RequireAsync(lab, OfHost);
    }

    [KernelFact]
    public async Task A_child_is_covered_at_birth()
    {
        await using AgentLab lab = await LabAsync(Policy(_cgroup.Path));
        lab.Serve(OfService.Where(one => one.To == "client").ToArray());
        RunningAgent agent = await lab.StartAsync();
        // Nobody can tell the agent in between: with it stopped, nobody does.
        await agent.KillAsync();
        lab.AddRouterInCgroup("svc", _cgroup.Child("born").Child("late"));
        await RequireAsync(lab, OfService.Where(one => one.From == "svc").ToArray());
    }

    [KernelFact]
    public async Task A_later_instance_is_judged_soon_and_takes_its_state_along_when_it_goes()
    {
        await using AgentLab lab = await LabAsync(Policy(_cgroup.Path + "/worker-*"));
        RunningAgent agent = await lab.StartAsync();
        Assert.StartsWith("there is no cgroup", (await agent.Api.StatusAsync(Token)).NotEnforced("svc"), StringComparison.Ordinal);
        LabCgroup worker = _cgroup.Child("worker-1");
        _cgroup.Child("waiter-1");
        await UntilAsync(() => LinksOf(lab) == 2, "nothing is attached to the new instance");
        lab.AddRouterInCgroup("svc", worker);
        lab.Serve(OfService);
        // Two TCP ports and two of UDP, in both families; a datagram that nobody expects yet is not sent again.
        await UntilAsync(() => Served(lab) == 8, "nobody saw the sockets of the new instance");
        await RequireAsync(lab, OfService);
        Assert.True(FlowsOf(lab, unit: 3) > 0, "no flow was remembered");

        worker.Dispose();
        await UntilAsync(() => LinksOf(lab) == 0 && FlowsOf(lab, unit: 3) == 0, "something is left of an instance that is gone");
        await agent.StatusUntilAsync(status => status.NotEnforced("svc")?.StartsWith("there is no cgroup", StringComparison.Ordinal) == true);
    }

    [KernelFact]
    public async Task A_unit_in_a_unit_has_a_policy_of_its_own()
    {
        LabCgroup inner = _cgroup.Child("inner");
        await using AgentLab lab = await LabAsync(Policy(inner.Path, outer: _cgroup.Path));
        lab.AddRouterInCgroup("svc", inner);
        lab.Serve(OfService);
        await lab.StartAsync();
        await RequireAsync(lab, OfService);
        // Only the outer one has programs, which would run twice otherwise.
        Assert.Equal(2, LinksOf(lab));
    }

    [KernelFact]
    public async Task Enforcement_outlives_the_agent_and_is_taken_over_and_purged()
    {
        await using AgentLab lab = await LabAsync(Policy(_cgroup.Path));
        lab.AddRouterInCgroup("svc", _cgroup);
        lab.Serve(OfService);
        RunningAgent first = await lab.StartAsync();
        await first.KillAsync();
        await RequireAsync(lab, OfService);

        RunningAgent second = await lab.StartAsync();
        await second.StatusUntilAsync(status => status.PolicyState() == "applied");
        Assert.Equal(2, LinksOf(lab));
        await RequireAsync(lab, OfService);

        await second.KillAsync();
        CommandResult purged = await lab.PurgeAsync();
        Assert.Equal(0, purged.ExitCode);
        Assert.Contains("on cgroup", purged.StandardOutput, StringComparison.Ordinal);
        Assert.Empty(CgroupTraces.ProgramsAt(_cgroup));
    }

    [KernelFact]
    public async Task A_policy_that_leaves_the_cgroup_out_gives_it_back_to_the_host()
    {
        await using AgentLab lab = await LabAsync(Policy(_cgroup.Path));
        lab.AddRouterInCgroup("svc", _cgroup);
        RunningAgent agent = await lab.StartAsync();
        await lab.ApplyAsync(agent, Policy(cgroup: null));
        Try[] contrary = [.. OfService.Where(one => one.From != "web").Select(one => one with { IsAllowed = !one.IsAllowed })];
        lab.Serve(contrary);
        await RequireAsync(lab, contrary);
        Assert.Empty(CgroupTraces.ProgramsAt(_cgroup));
    }

    [KernelFact]
    public async Task A_pod_is_judged_alike_by_its_veth_and_by_its_cgroup()
    {
        // The same rules for web, behind web0, and for box, which has a namespace of its own too and is known by its cgroup alone.
        string policy = AgentPolicies.Friends.Replace(
            "  externalnetworks:",
            $$"""
                - { name: box, namespace: /t, attach: { cgroup: "{{_cgroup.Path}}" }, addresses: [10.79.0.2, "2001:db8:79::2"] }
              externalnetworks:
            """,
            StringComparison.Ordinal
        );
        await using AgentLab lab = await LabAsync(policy);
        LabHost box = await lab.AddHostAsync("box");
        await AgentLab.ConnectAsync(AgentLab.End(lab.Router, "10.79.0.1", "2001:db8:79::1"), "box0", AgentLab.End(box, "10.79.0.2", "2001:db8:79::2"), "eth0");
        await box.AddDefaultRouteAsync(IPAddress.Parse("10.79.0.1"), Token);
        await box.AddDefaultRouteAsync(IPAddress.Parse("2001:db8:79::1"), Token);
        lab.AddEnd("box", AgentLab.End(box.InCgroup(_cgroup.Directory), "10.79.0.2", "2001:db8:79::2"));
        // Pings have no socket in a pod, and so no cgroup (decision 0032); to and from the router the host has a say of its own.
        Try[] byVeth = [.. Try.UnderFriends.Where(one => one.What != "ping" && one.From != "router" && one.To != "router")];
        Try[] byCgroup = [.. byVeth.Select(one => one with { From = Renamed(one.From), To = Renamed(one.To) })];
        Assert.Contains(byCgroup, one => one.From == "box");
        lab.Serve([.. byVeth, .. byCgroup]);
        RunningAgent agent = await lab.StartAsync();
        Assert.Equal([$"{_cgroup.Path} cgroup"], (await agent.Api.StatusAsync(Token)).Places("box"));
        await RequireAsync(lab, byVeth);
        await RequireAsync(lab, byCgroup);

        static string Renamed(string name) => name == "web" ? "box" : name;
    }

    public void Dispose() => _cgroup.Dispose();

    private static Task<AgentLab> LabAsync(string policy) => AgentLab.CreateAsync(policy);

    private static async Task RequireAsync(AgentLab lab, params Try[] tries)
    {
        (IEnumerable<string> expected, IEnumerable<string> observed) = await lab.TryAsync(tries);
        Assert.Equal(expected, observed);
    }

    private static int LinksOf(AgentLab lab) => CgroupTraces.LinksOf(lab.Site.Instance);

    private static int Served(AgentLab lab) => CgroupTraces.Entries(lab.Site.Instance, "dp_served");

    private static int FlowsOf(AgentLab lab, int unit) => CgroupTraces.FlowsOf(lab.Site.Instance, unit);

    [KernelFact]
    public async Task Ping_probes_from_within_the_cgroup()
    {
        await using AgentLab lab = await LabAsync(Policy(_cgroup.Path));
        lab.Serve(new Try("svc", "client", "tcp/9443", IsAllowed: true), new Try("router", "client", "tcp/9444", IsAllowed: true));
        await lab.StartAsync();

        // What the service may and the host may not, and the other way round.
        Assert.Equal((0, "answered", "allowed", "svc outgoing allow"), await PingAsync(lab, "svc", "10.77.0.2:9443"));
        Assert.Equal((0, "answered", "allowed", "svc outgoing allow"), await PingAsync(lab, "svc", "[2001:db8:77::2]:9443"));
        (int exit, string outcome, string verdict, _) = await PingAsync(lab, "svc", "10.77.0.2:9444");
        Assert.Equal((1, "denied"), (exit, verdict));
        Assert.NotEqual("answered", outcome);
        Assert.Equal((0, "answered", "allowed", "router outgoing allow"), await PingAsync(lab, "router", "10.77.0.2:9444"));
        Assert.Equal("", File.ReadAllText($"{_cgroup.Directory}/cgroup.threads").Trim());
    }

    private static async Task<(int Exit, string Outcome, string Verdict, string Judged)> PingAsync(AgentLab lab, string unit, string target)
    {
        CommandResult result = await lab.DatapathAsync("ping", unit, target, "--json", "--within", "2s", "--socket", lab.Site.SocketPath);
        Assert.Equal("", result.StandardError);
        JsonElement ping = JsonDocument.Parse(result.StandardOutput).RootElement;
        return (
            result.ExitCode,
            ping.GetProperty("outcome").GetString()!,
            ping.GetProperty("policy").GetProperty("verdict").GetString()!,
            string.Join(", ", ping.GetProperty("judged").EnumerateArray().Select(one => $"{one.GetProperty("unit")} {one.GetProperty("direction")} {one.GetProperty("verdict")}"))
        );
    }

    private static async Task UntilAsync(Func<bool> condition, string otherwise)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, otherwise);
            await Task.Delay(BetweenQuestions, Token);
        }
    }

    /// <summary>What the host may not the service may, and the other way round.</summary>
    internal static string Policy(string? cgroup, string? outer = null) =>
        $$"""
        APIVersion: 1
        label: cgroup-tests
        data:
          namespaces:
            - name: /t
              defaultPUIncomingTrafficAction: Reject
              defaultPUOutgoingTrafficAction: Reject
          processingunits:
            - { name: router, namespace: /t, associatedTags: ["app=host"], attach: { host: true } }
            - { name: web, namespace: /t, associatedTags: ["app=web"], attach: { interface: web0 }, addresses: [10.78.0.2, "2001:db8:78::2"] }
        {{Unit("svc", "svc", cgroup)}}{{Unit("outer", "host", outer)}}
          externalnetworks:
            - { name: net, namespace: /t, associatedTags: ["externalnetwork:name=net"], entries: [10.77.0.0/16, 10.78.0.0/16, "2001:db8:77::/48", "2001:db8:78::/48"] }
          networkrulesetpolicies:
            - name: host
              namespace: /t
              subject: [["app=host"]]
              incomingRules: [{ action: Allow, object: [["externalnetwork:name=net"]], protocolPorts: [tcp/8081, udp/5301, icmp/8, icmp6/128] }]
              outgoingRules: [{ action: Allow, object: [["externalnetwork:name=net"]], protocolPorts: [tcp/9444, udp/9054] }]
            - name: svc
              namespace: /t
              subject: [["app=svc"]]
              incomingRules: [{ action: Allow, object: [["externalnetwork:name=net"]], protocolPorts: [tcp/8080, udp/5300] }]
              outgoingRules: [{ action: Allow, object: [["externalnetwork:name=net"]], protocolPorts: [tcp/9443, udp/9053] }]
        """;

    private static string Unit(string name, string app, string? cgroup) =>
        cgroup is null ? "" : $$"""
            - { name: {{name}}, namespace: /t, associatedTags: ["app={{app}}"], attach: { cgroup: "{{cgroup}}" } }

        """;
}
