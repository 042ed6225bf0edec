using System.Globalization;
using System.Net.Sockets;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Datapath.Lab.Networks;
using Xunit;

namespace Datapath.KernelTests.Containers;

/// <summary>Containers of a real containerd as units: by the interface that the host has of them, and by their cgroups.</summary>
public sealed class ContainerTests
{
    private const double SecondsForNothing = 0.9;
    private const int SecondsForAnswer = 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan BetweenQuestions = TimeSpan.FromMilliseconds(20);
    private static readonly AddressFamily[] Families = [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6];

    // Pings have no socket in a container (decision 0032); to and from the router the host has a say of its own.
    private static readonly Try[] OfWeb = [.. Try.UnderFriends.Where(one => one.What != "ping" && one.From != "router" && one.To != "router")];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelFact]
    public async Task They_are_judged_alike_by_their_veth_and_by_their_cgroup()
    {
        await using AgentLab lab = await LabAsync();
        await using Containerd containerd = await Containerd.StartAsync();
        Container byVeth = await RunAsync(lab, containerd, "veth-1");
        Container first = await RunAsync(lab, containerd, "box-1");
        lab.WritePolicy(Policy(byVeth, containerd.CgroupPath + "/box-*"));
        RunningAgent agent = await lab.StartAsync();
        Assert.Equal([$"{first.CgroupPath} cgroup"], (await agent.Api.StatusAsync(Token)).Places("box"));
        // An instance that comes while the agent runs.
        Container second = await RunAsync(lab, containerd, "box-2");
        await agent.StatusUntilAsync(status => status.Places("box").Count == 2);

        foreach (Container container in (Container[])[byVeth, first, second])
        {
            await RequireAsync(lab, containerd, container);
        }
    }

    [KernelFact]
    public async Task One_that_ends_takes_its_state_along()
    {
        await using AgentLab lab = await LabAsync();
        await using Containerd containerd = await Containerd.StartAsync();
        Container byVeth = await RunAsync(lab, containerd, "veth-1");
        Container box = await RunAsync(lab, containerd, "box-1");
        lab.WritePolicy(Policy(byVeth, containerd.CgroupPath + "/box-*"));
        RunningAgent agent = await lab.StartAsync();
        await RequireAsync(lab, containerd, box);
        Assert.Equal(2, CgroupTraces.LinksOf(lab.Site.Instance));
        await containerd.EndAsync(box);
        await UntilAsync(() => CgroupTraces.LinksOf(lab.Site.Instance) == 0, "programs are left of a container that is gone");
        await agent.StatusUntilAsync(status => status.NotEnforced("box")?.StartsWith("there is no cgroup", StringComparison.Ordinal) == true);
    }

    /// <summary>A network without a policy yet, with everything behind it that containers try to reach.</summary>
    private static async Task<AgentLab> LabAsync()
    {
        AgentLab lab = await AgentLab.CreateAsync(policy: null);
        lab.Serve([.. OfWeb.Where(one => one.To == "client")]);
        return lab;
    }

    private static async Task<Container> RunAsync(AgentLab lab, Containerd containerd, string name)
    {
        LabHost host = await lab.AddHostAsync(name);
        Container container = await containerd.RunAsync(lab.Router, host, [.. OfWeb.Where(one => one.To == "web").Select(one => one.What).Distinct()]);
        lab.AddEnd(name, container.End);
        return container;
    }

    /// <summary>What web may, and nothing else: from outside by sockets of the lab, from inside by processes of the container.</summary>
    private static async Task RequireAsync(AgentLab lab, Containerd containerd, Container container)
    {
        Try[] inwards = [.. OfWeb.Where(one => one.To == "web").Select(one => one with { To = container.Name })];
        (IEnumerable<string> expected, IEnumerable<string> observed) = await lab.TryAsync(inwards);
        Assert.Equal(expected, observed);

        (Try One, AddressFamily Family)[] outwards = [.. OfWeb.Where(one => one.From == "web").SelectMany(one => Families.Select(family => (one with { From = container.Name }, family)))];
        Assert.NotEmpty(outwards);
        IReadOnlyList<bool> answered = await containerd.TryAsync(
            container,
            outwards.Select(row => string.Create(CultureInfo.InvariantCulture, $"{lab.EndOf(row.One.To).Of(row.Family)},{row.One.What.Replace('/', ',')},{(row.One.IsAllowed ? SecondsForAnswer : SecondsForNothing)}"))
        );
        Assert.Equal(outwards.Select(row => row.One.Line(row.Family, row.One.IsAllowed)), outwards.Zip(answered, (row, isAnswered) => row.One.Line(row.Family, isAnswered)));
    }

    private static string Policy(Container byVeth, string cgroup) =>
        AgentPolicies.Friends.Replace(
            "  externalnetworks:",
            $$"""
                - { name: veth, namespace: /t, attach: { interface: {{byVeth.InterfaceOnHost}} }, addresses: [{{byVeth.IPv4}}, "{{byVeth.IPv6}}"] }
                - { name: box, namespace: /t, attach: { cgroup: "{{cgroup}}" } }
              externalnetworks:
            """,
            StringComparison.Ordinal
        );

    private static async Task UntilAsync(Func<bool> condition, string otherwise)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, otherwise);
            await Task.Delay(BetweenQuestions, Token);
        }
    }
}
