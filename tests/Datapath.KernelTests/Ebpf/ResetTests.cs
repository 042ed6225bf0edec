using System.Buffers.Binary;
using System.Net.Sockets;
using Datapath.Interop.Libbpf;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Datapath.Lab.Probes;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>Denied connections that are answered with a reset.</summary>
public sealed class ResetTests
{
    private const string Friend = "10.9.1.1";
    private const string Host = "10.0.0.1";
    private const uint Shot = 2; // TC_ACT_SHOT
    private const uint Redirect = 7; // TC_ACT_REDIRECT
    private const int Limit = 20;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelTheory]
    [InlineData("router")]
    [InlineData("web")]
    public async Task Whoever_opens_a_denied_connection_is_refused_at_once(string to)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        Try allowed = new("client", to, "tcp/80", IsAllowed: true);
        lab.Serve(allowed, new Try("client", to, "tcp/81", IsAllowed: false));
        RunningAgent agent = await lab.StartAsync("--reject-with", "reset");
        foreach (AddressFamily family in (AddressFamily[])[AddressFamily.InterNetwork, AddressFamily.InterNetworkV6])
        {
            Assert.True(await lab.IsAnsweredAsync(allowed, family));
            TcpProbe denied = new(lab.Client, lab.EndOf("client").Of(family), lab.EndOf(to).Of(family), 81, Patience);
            Assert.Equal(ProbeOutcome.Refused, (await denied.RunAsync(Token)).Outcome);
        }

        // It is a reject for all that, by the same rule.
        string page = lab.OnRouter("curl", "--silent", "--fail", "--retry", "10", "--retry-connrefused", "http://127.0.0.1:9469/metrics");
        Assert.Contains("datapath_resets_total 2\n", page, StringComparison.Ordinal);
        Assert.Matches("datapath_verdict_packets_total\\{action=\"reject\",direction=\"incoming\",hook=\"[a-z-]+\",reason=\"policy\"\\} 2\n", page);
        Assert.Equal(1u, (await agent.Api.StatusAsync(Token)).Generation());
    }

    [KernelFact]
    public void Only_the_opening_of_a_connection_from_elsewhere_is_answered()
    {
        using ProgramLab lab = new(options => options with { ResetsPerSecond = 1000 });
        lab.Apply(Policies.Friends);
        Assert.Equal(Redirect, Run(lab, ingress: true, IPv4(Friend, Host, Tcp, TcpHeader(40000, 81, Syn))).ReturnValue);
        Assert.Equal(Shot, Run(lab, ingress: true, IPv4(Friend, Host, Tcp, TcpHeader(40000, 81, Ack))).ReturnValue);
        Assert.Equal(Shot, Run(lab, ingress: true, IPv4(Friend, Host, Tcp, TcpHeader(40000, 81, Syn | Ack))).ReturnValue);
        Assert.Equal(Shot, Run(lab, ingress: true, IPv4(Friend, Host, Udp, UdpHeader(40000, 54))).ReturnValue);
        // Our own are told by nobody: who opens them is here.
        Assert.Equal(Shot, Run(lab, ingress: false, IPv4(Host, Friend, Tcp, TcpHeader(40000, 81, Syn))).ReturnValue);
        // A broadcast is not answered.
        byte[] broadcast = Ethernet(IPv4(Friend, Host, Tcp, TcpHeader(40000, 81, Syn)));
        broadcast.AsSpan(0, 6).Fill(0xff);
        Assert.Equal(Shot, lab.TestRun("up0", ingress: true, broadcast).ReturnValue);
    }

    [KernelTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_answer_acknowledges_the_syn_and_its_checksum_stays_right(bool isIPv6)
    {
        using ProgramLab lab = new(options => options with { ResetsPerSecond = 1000 });
        lab.Apply(Policies.Friends);
        byte[] syn = TcpHeader(40000, 81, Syn, sequence: 0xfffffffe);
        byte[] frame = Ethernet(isIPv6 ? IPv6("2001:db8:9::1", "2001:db8::1", Tcp, syn) : IPv4(Friend, Host, Tcp, syn));
        byte[] answer = lab.TestRun("up0", ingress: true, frame).Packet;
        int addresses = isIPv6 ? 14 + 8 : 14 + 12;
        int size = isIPv6 ? 16 : 4;
        int tcp = addresses + (2 * size);

        Assert.Equal(frame.Length, answer.Length);
        Assert.Equal(frame[6..12], answer[..6]);
        Assert.Equal(frame[..6], answer[6..12]);
        Assert.Equal(frame[addresses..(addresses + size)], answer[(addresses + size)..tcp]);
        Assert.Equal(frame[(addresses + size)..tcp], answer[addresses..(addresses + size)]);
        Assert.Equal((81, 40000), (BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(tcp)), BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(tcp + 2))));
        Assert.Equal((0u, 0xffffffff), (BinaryPrimitives.ReadUInt32BigEndian(answer.AsSpan(tcp + 4)), BinaryPrimitives.ReadUInt32BigEndian(answer.AsSpan(tcp + 8))));
        Assert.Equal(Rst | Ack, answer[tcp + 13]);
        // Right or wrong as the one of the SYN was: the sum over addresses and segment is the same.
        Assert.Equal(Sum(frame.AsSpan(addresses)), Sum(answer.AsSpan(addresses)));
    }

    [KernelFact]
    public void A_flood_of_syns_is_no_flood_of_answers()
    {
        using ProgramLab lab = new(options => options with { ResetsPerSecond = Limit });
        lab.Apply(Policies.Friends);
        byte[] frame = Ethernet(IPv4(Friend, Host, Tcp, TcpHeader(40000, 81, Syn)));
        long start = TimeProvider.System.GetTimestamp();
        uint[] results = [.. Enumerable.Range(0, 2000).Select(_ => lab.TestRun("up0", ingress: true, frame).ReturnValue)];
        double seconds = TimeProvider.System.GetElapsedTime(start).TotalSeconds;
        int answered = results.Count(result => result == Redirect);
        Assert.Equal(results.Length, answered + results.Count(result => result == Shot));
        // Of each processor that the test was on: a full bucket, and what it earns meanwhile.
        Assert.InRange(answered, 1, Environment.ProcessorCount * (Limit + 1 + (int)Math.Ceiling(seconds * Limit)));
        Assert.Equal(answered, lab.Backend.ReadCounters().Statistics["resets_sent"]);
    }

    private static TestRun Run(ProgramLab lab, bool ingress, byte[] packet) => lab.TestRun("up0", ingress, Ethernet(packet));

    // RFC 1071.
    private static uint Sum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (int i = 0; i < bytes.Length; i += 2)
        {
            sum += (uint)(bytes[i] << 8) | (i + 1 < bytes.Length ? bytes[i + 1] : 0u);
        }

        while (sum >> 16 != 0)
        {
            sum = (sum & 0xffff) + (sum >> 16);
        }

        return sum;
    }
}
