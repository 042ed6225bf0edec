using System.Globalization;
using System.Net;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Datapath.Lab.Networks;
using Datapath.Lab.Probes;
using Xunit;

namespace Datapath.KernelTests.Agent;

/// <summary>
/// The real executable on a router with an uplink <c>up0</c>, where client and stranger are, and a pod <c>web</c> behind <c>web0</c>. Everything
/// goes when it is disposed, whatever happened before: processes, kernel objects, namespaces, files.
/// </summary>
internal sealed partial class AgentLab : IAsyncDisposable
{
    private const int Prefix4 = 24;
    private const int Prefix6 = 64;

    private static int _count;

    private readonly LabNetwork _network;
    private readonly List<RunningAgent> _agents = [];
    private readonly List<EchoServer> _servers = [];
    private readonly Dictionary<string, LabEnd> _ends = new(StringComparer.Ordinal);

    private AgentLab(LabNetwork network, LabHost router, LabHost client, LabHost pod, string instance, bool enableEbpf)
    {
        (_network, Router, Client, Pod) = (network, router, client, pod);
        _ends.Add("router", End(router, "10.77.0.1", "2001:db8:77::1"));
        _ends.Add("client", End(client, "10.77.0.2", "2001:db8:77::2"));
        _ends.Add("stranger", End(client, "10.77.0.3", "2001:db8:77::3"));
        _ends.Add("web", End(pod, "10.78.0.2", "2001:db8:78::2"));
        Site = new AgentSite(KernelTestPaths.Agent, router, instance, Directory.CreateTempSubdirectory("dpk-").FullName) { EnableEbpf = enableEbpf };
        Traces = new KernelTraces(instance, router, ["up0", "web0"]);
        Directory.CreateDirectory(Site.PolicyPath);
    }

    /// <summary>The host that the agent protects.</summary>
    public LabHost Router { get; }

    /// <summary>Where client and stranger are.</summary>
    public LabHost Client { get; }

    /// <summary>The pod <c>web</c>.</summary>
    public LabHost Pod { get; }

    /// <summary>Where the agent lives.</summary>
    public AgentSite Site { get; }

    /// <summary>What the agent has in the kernel, as others see it.</summary>
    public KernelTraces Traces { get; }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Makes the network, with a server behind every port that is ever tried.</summary>
    /// <param name="policy">Text of the one policy file; null for none.</param>
    /// <param name="hasPod">Whether <c>web</c> is connected from the beginning.</param>
    /// <param name="enableEbpf">Whether agents are asked to enforce with eBPF; iptables otherwise.</param>
    public static async Task<AgentLab> CreateAsync(string? policy, bool hasPod = true, bool enableEbpf = true)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"dpa-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}");
        var network = new LabNetwork(name);
        AgentLab? lab = null;
        try
        {
            lab = new AgentLab(
                network,
                await network.AddHostAsync("router", Token),
                await network.AddHostAsync("client", Token),
                await network.AddHostAsync("web", Token),
                instance: name,
                enableEbpf
            );
            await lab.BuildAsync(hasPod);
            if (policy is not null)
            {
                lab.WritePolicy(policy);
            }

            return lab;
        }
        catch
        {
            await (lab?.DisposeAsync() ?? network.DisposeAsync());
            throw;
        }
    }

    /// <summary>Writes the one policy file, as a simple editor does.</summary>
    /// <param name="text">Its content.</param>
    /// <returns>Its path.</returns>
    public string WritePolicy(string text)
    {
        string path = Path.Combine(Site.PolicyPath, "policy.yaml");
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>Writes a shell script that can be run.</summary>
    /// <param name="name">What it is called, in the folder of the lab.</param>
    /// <param name="lines">What it does.</param>
    /// <returns>Its path.</returns>
    public string WriteProgram(string name, string lines)
    {
        string path = Path.Combine(Site.WorkPath, name);
        File.WriteAllText(path, $"#!/bin/sh\n{lines}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }

    /// <summary>Joins web with the router by a new veth pair.</summary>
    public async Task ConnectPodAsync()
    {
        await LabNetwork.ConnectAsync(Router, "web0", Pod, "eth0", Token);
        await AddAddressesAsync(Router, "web0", End(Router, "10.78.0.1", "2001:db8:78::1"));
        await AddAddressesAsync(Pod, "eth0", _ends["web"]);
        await Pod.AddDefaultRouteAsync(IPAddress.Parse("10.78.0.1"), Token);
        await Pod.AddDefaultRouteAsync(IPAddress.Parse("2001:db8:78::1"), Token);
    }

    /// <summary>Starts the agent and waits until it has made up its mind about the policy and something is enforced.</summary>
    /// <param name="more">Options besides those of the site.</param>
    public Task<RunningAgent> StartAsync(params string[] more) => StartAsync(Site, more);

    /// <summary>Starts the agent otherwise than the lab does.</summary>
    /// <param name="site">The lab's, with something changed.</param>
    /// <param name="more">Options besides those of the site.</param>
    public async Task<RunningAgent> StartAsync(AgentSite site, params string[] more)
    {
        RunningAgent agent = await site.StartAsync(more, Token);
        _agents.Add(agent);
        await agent.StatusUntilAsync(status => status.PolicyState() != "pending");
        return agent;
    }

    /// <summary>Kills an agent (SIGKILL) and starts another one, which takes over what the first left in the kernel.</summary>
    /// <param name="agent">The one that runs.</param>
    /// <returns>Its successor; the policy of the directory is in force.</returns>
    public async Task<RunningAgent> RestartAsync(RunningAgent agent)
    {
        await agent.KillAsync();
        RunningAgent successor = await StartAsync();
        await successor.StatusUntilAsync(status => status.PolicyState() == "applied");
        return successor;
    }

    /// <summary>Replaces the one policy file at once, as a careful editor does, and waits until packets are judged by it.</summary>
    /// <param name="agent">Who applies it.</param>
    /// <param name="text">Its content; says something else than what is in force.</param>
    public async Task ApplyAsync(RunningAgent agent, string text)
    {
        uint before = (await agent.Api.StatusAsync(Token)).Generation();
        ReplacePolicy(text);
        await agent.StatusUntilAsync(status => status.Generation() > before && status.PolicyState() == "applied");
    }

    /// <summary>Replaces the one policy file at once: nobody ever reads half of it.</summary>
    /// <param name="text">Its content.</param>
    public void ReplacePolicy(string text)
    {
        string beside = Path.Combine(Site.WorkPath, "policy.next");
        File.WriteAllText(beside, text);
        File.Move(beside, Path.Combine(Site.PolicyPath, "policy.yaml"), overwrite: true);
    }

    /// <summary>Adds a host that the agent does not protect.</summary>
    /// <param name="name">What the lab calls it.</param>
    public Task<LabHost> AddHostAsync(string name) => _network.AddHostAsync(name, Token);

    /// <summary>Joins two hosts by a veth pair and gives each end its addresses.</summary>
    /// <param name="one">A host and its addresses.</param>
    /// <param name="interfaceOfOne">Name of its end.</param>
    /// <param name="other">The other host and its addresses.</param>
    /// <param name="interfaceOfOther">Name of the other end.</param>
    public static async Task ConnectAsync(LabEnd one, string interfaceOfOne, LabEnd other, string interfaceOfOther)
    {
        await LabNetwork.ConnectAsync(one.Host, interfaceOfOne, other.Host, interfaceOfOther, Token);
        await AddAddressesAsync(one.Host, interfaceOfOne, one);
        await AddAddressesAsync(other.Host, interfaceOfOther, other);
    }

    /// <summary>Runs a verb of the executable on the router, to its end.</summary>
    public Task<CommandResult> DatapathAsync(params string[] arguments) => Site.CommandAsync(arguments, Token);

    /// <summary>Purges the instance by the command.</summary>
    /// <param name="more">More options.</param>
    public Task<CommandResult> PurgeAsync(params string[] more) =>
        DatapathAsync(["purge", "--instance", Site.Instance, .. more]);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // Each step happens whatever became of those before it; the first failure is the one that is told.
        await using LabNetwork network = _network;
        try
        {
            foreach (IAsyncDisposable one in (IEnumerable<IAsyncDisposable>)[.. _agents, .. _servers])
            {
                await one.DisposeAsync();
            }
        }
        finally
        {
            await PurgeAndDeleteAsync();
        }
    }

    /// <summary>A host and its addresses.</summary>
    public static LabEnd End(LabHost host, string ip4, string ip6) => new(host, IPAddress.Parse(ip4), IPAddress.Parse(ip6));

    private static async Task AddAddressesAsync(LabHost host, string interfaceName, LabEnd end)
    {
        await host.AddAddressAsync(interfaceName, end.IPv4, Prefix4, Token);
        await host.AddAddressAsync(interfaceName, end.IPv6, Prefix6, Token);
    }

    private async Task PurgeAndDeleteAsync()
    {
        try
        {
            await Site.PurgeAsync();
        }
        finally
        {
            Directory.Delete(Site.WorkPath, recursive: true);
        }
    }

    private async Task BuildAsync(bool hasPod)
    {
        Router.Forward();
        await LabNetwork.ConnectAsync(Router, "up0", Client, "eth0", Token);
        await AddAddressesAsync(Router, "up0", _ends["router"]);
        await AddAddressesAsync(Client, "eth0", _ends["client"]);
        await AddAddressesAsync(Client, "eth0", _ends["stranger"]);
        await Client.AddDefaultRouteAsync(_ends["router"].IPv4, Token);
        await Client.AddDefaultRouteAsync(_ends["router"].IPv6, Token);
        if (hasPod)
        {
            await ConnectPodAsync();
        }
    }
}
