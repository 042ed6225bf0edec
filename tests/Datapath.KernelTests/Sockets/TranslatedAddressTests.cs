using System.Net;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Datapath.Lab.Probes;
using Xunit;

namespace Datapath.KernelTests.Sockets;

/// <summary>What Docker, kube-proxy and local proxies do to a host: published ports, redirected ports, services, masqueraded pods. Judged as the addresses are outside of the host's NAT.</summary>
public sealed class TranslatedAddressTests
{
    private const ushort PublishedPort = 8080;
    private const ushort ServedPort = 80;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan PatienceForNothing = TimeSpan.FromMilliseconds(900);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static readonly string[] Backends = ["ebpf", "iptables"];

    /// <summary>Incoming rules of host and pod, and whether the published port is answered.</summary>
    public static TheoryData<string, string, bool> Published => OverBackends(("tcp/8080, tcp/80", true), ("tcp/8080", false), ("tcp/80", false));

    /// <summary>Incoming rules of the host, and whether the port that is led to another one is answered.</summary>
    public static TheoryData<string, string, bool> Redirected => OverBackends(("tcp/8080", true), ("tcp/80", false));

    /// <summary>Outgoing rules of the host, and whether it is answered from where its packets are led.</summary>
    public static TheoryData<string, string, bool> LedAway => OverBackends(("tcp/80", true), ("tcp/8080", false));

    /// <summary>What a pod speaks, its outgoing rules, and whether it is answered.</summary>
    public static TheoryData<string, string, string, bool> Masqueraded =>
        [
            .. from backend in Backends
            from one in ((string, string, bool)[])
                [("tcp", "tcp/80", true), ("tcp", "tcp/81", false), ("udp", "udp/80", true), ("udp", "udp/81", false), ("ping", "icmp/8", true), ("ping", "icmp/13", false)]
            select new TheoryDataRow<string, string, string, bool>(backend, one.Item1, one.Item2, one.Item3),
        ];

    // Host and pod have the same rules here: the host is asked for the published port and the pod for its own.
    [KernelTheory, MemberData(nameof(Published))]
    public async Task A_published_port_is_the_hosts_before_it_is_the_pods(string backend, string incoming, bool isAnswered)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Between(incoming, outgoing: null), enableEbpf: backend == "ebpf");
        Translate(lab);
        await lab.StartAsync();
        await using EchoServer server = EchoServer.StartTcp(lab.Pod, lab.EndOf("web").IPv4, ServedPort);
        LabEnd client = lab.EndOf("client");
        await AssertAnsweredAsync(new TcpProbe(client.Host, client.IPv4, lab.EndOf("router").IPv4, PublishedPort, PatienceFor(isAnswered)), isAnswered);
    }

    [KernelTheory, MemberData(nameof(Redirected))]
    public async Task A_redirected_port_is_judged_as_the_client_asked_for_it(string backend, string incoming, bool isAnswered)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Between(incoming, outgoing: null), enableEbpf: backend == "ebpf");
        lab.OnRouter("iptables", "-t", "nat", "-A", "PREROUTING", "-i", "up0", "-p", "tcp", "--dport", $"{PublishedPort}", "-j", "REDIRECT", "--to-ports", $"{ServedPort}");
        await lab.StartAsync();
        LabEnd router = lab.EndOf("router");
        await using EchoServer server = EchoServer.StartTcp(router.Host, router.IPv4, ServedPort);
        LabEnd client = lab.EndOf("client");
        await AssertAnsweredAsync(new TcpProbe(client.Host, client.IPv4, router.IPv4, PublishedPort, PatienceFor(isAnswered)), isAnswered);
    }

    [KernelTheory, MemberData(nameof(LedAway))]
    public async Task What_the_host_sends_is_judged_as_it_goes_out(string backend, string outgoing, bool isAnswered)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Between(incoming: null, outgoing), enableEbpf: backend == "ebpf");
        LabEnd client = lab.EndOf("client");
        // Such as the address of a service, which is nobody's.
        IPAddress service = IPAddress.Parse("10.77.0.200");
        lab.OnRouter("iptables", "-t", "nat", "-A", "OUTPUT", "-d", $"{service}/32", "-p", "tcp", "--dport", $"{PublishedPort}", "-j", "DNAT", "--to-destination", $"{client.IPv4}:{ServedPort}");
        await lab.StartAsync();
        await using EchoServer server = EchoServer.StartTcp(client.Host, client.IPv4, ServedPort);
        LabEnd router = lab.EndOf("router");
        await AssertAnsweredAsync(new TcpProbe(router.Host, router.IPv4, service, PublishedPort, PatienceFor(isAnswered)), isAnswered);
    }

    // No rule lets anything in to the host, which everything answers.
    [KernelTheory, MemberData(nameof(Masqueraded))]
    public async Task A_masqueraded_pod_reaches_what_its_own_rules_allow(string backend, string what, string outgoing, bool isAnswered)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Between(incoming: null, outgoing), enableEbpf: backend == "ebpf");
        Translate(lab);
        await lab.StartAsync();
        LabEnd client = lab.EndOf("client");
        await using EchoServer tcp = EchoServer.StartTcp(client.Host, client.IPv4, ServedPort);
        await using EchoServer udp = EchoServer.StartUdp(client.Host, client.IPv4, ServedPort);
        TimeSpan patience = PatienceFor(isAnswered);
        IPAddress web = lab.EndOf("web").IPv4;
        Probe probe = what switch
        {
            "tcp" => new TcpProbe(lab.Pod, web, client.IPv4, ServedPort, patience),
            "udp" => new UdpProbe(lab.Pod, web, client.IPv4, ServedPort, patience),
            _ => new PingProbe(lab.Pod, web, client.IPv4, patience),
        };
        await AssertAnsweredAsync(probe, isAnswered);
    }

    private static TimeSpan PatienceFor(bool isAnswered) => isAnswered ? Patience : PatienceForNothing;

    private static async Task AssertAnsweredAsync(Probe probe, bool isAnswered) =>
        Assert.Equal(isAnswered, (await probe.RunAsync(Token)).Outcome == ProbeOutcome.Answered);

    private static TheoryData<string, string, bool> OverBackends(params (string Rules, bool IsAnswered)[] rows) =>
        [.. from backend in Backends from row in rows select new TheoryDataRow<string, string, bool>(backend, row.Rules, row.IsAnswered)];

    /// <summary>The rules of nat that Docker makes for a bridge of pods and one published port.</summary>
    private static void Translate(AgentLab lab)
    {
        IPAddress pod = lab.EndOf("web").IPv4;
        lab.OnRouter("iptables", "-t", "nat", "-A", "PREROUTING", "-i", "up0", "-p", "tcp", "--dport", $"{PublishedPort}", "-j", "DNAT", "--to-destination", $"{pod}:{ServedPort}");
        lab.OnRouter("iptables", "-t", "nat", "-A", "POSTROUTING", "-s", $"{pod}/32", "-o", "up0", "-j", "MASQUERADE");
    }
}
