using System.Net;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Datapath.Lab.Probes;
using Xunit;

namespace Datapath.KernelTests.Sockets;

/// <summary>What Docker does to a host: a published port (DNAT) and masqueraded pods (SNAT). Judged as the addresses are outside of the host's NAT.</summary>
public sealed class TranslatedAddressTests
{
    private const ushort Published = 8080;
    private const ushort Served = 80;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan PatienceForNothing = TimeSpan.FromMilliseconds(900);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // Host and pod have the same rules here: the host is asked for the published port and the pod for its own.
    [KernelTheory]
    [InlineData("tcp/8080, tcp/80", true)]
    [InlineData("tcp/8080", false)]
    [InlineData("tcp/80", false)]
    public async Task A_published_port_is_the_hosts_before_it_is_the_pods(string incoming, bool isAnswered)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Between(incoming, outgoing: null));
        Translate(lab);
        await lab.StartAsync();
        await using EchoServer server = EchoServer.StartTcp(lab.Pod, lab.EndOf("web").IPv4, Served);
        LabEnd client = lab.EndOf("client");
        var probe = new TcpProbe(client.Host, client.IPv4, lab.EndOf("router").IPv4, Published, isAnswered ? Patience : PatienceForNothing);
        Assert.Equal(isAnswered, (await probe.RunAsync(Token)).Outcome == ProbeOutcome.Answered);
    }

    // No rule lets anything in to the host, which everything answers.
    [KernelTheory]
    [InlineData("tcp", "tcp/80", true)]
    [InlineData("tcp", "tcp/81", false)]
    [InlineData("udp", "udp/80", true)]
    [InlineData("udp", "udp/81", false)]
    [InlineData("ping", "icmp/8", true)]
    [InlineData("ping", "icmp/13", false)]
    public async Task A_masqueraded_pod_reaches_what_its_own_rules_allow(string what, string outgoing, bool isAnswered)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Between(incoming: null, outgoing));
        Translate(lab);
        await lab.StartAsync();
        LabEnd client = lab.EndOf("client");
        await using EchoServer tcp = EchoServer.StartTcp(client.Host, client.IPv4, Served);
        await using EchoServer udp = EchoServer.StartUdp(client.Host, client.IPv4, Served);
        TimeSpan patience = isAnswered ? Patience : PatienceForNothing;
        IPAddress web = lab.EndOf("web").IPv4;
        Probe probe = what switch
        {
            "tcp" => new TcpProbe(lab.Pod, web, client.IPv4, Served, patience),
            "udp" => new UdpProbe(lab.Pod, web, client.IPv4, Served, patience),
            _ => new PingProbe(lab.Pod, web, client.IPv4, patience),
        };
        Assert.Equal(isAnswered, (await probe.RunAsync(Token)).Outcome == ProbeOutcome.Answered);
    }

    /// <summary>The rules of nat that Docker makes for a bridge of pods and one published port.</summary>
    private static void Translate(AgentLab lab)
    {
        IPAddress pod = lab.EndOf("web").IPv4;
        lab.OnRouter("iptables", "-t", "nat", "-A", "PREROUTING", "-i", "up0", "-p", "tcp", "--dport", $"{Published}", "-j", "DNAT", "--to-destination", $"{pod}:{Served}");
        lab.OnRouter("iptables", "-t", "nat", "-A", "POSTROUTING", "-s", $"{pod}/32", "-o", "up0", "-j", "MASQUERADE");
    }
}
