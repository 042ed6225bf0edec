using Datapath.KernelTests.Support;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>Crafted packets that are forwarded under the host's address, as NAT makes them: what they open is answered, and nothing else is.</summary>
public sealed class TranslatedFlowTests : IDisposable
{
    private const string Peer = "10.9.1.1";
    private const string Host = "10.0.0.1";
    private const string Web = "10.1.0.2";
    private const string Peer6 = "2001:db8:9::1";
    private const string Host6 = "2001:db8::1";

    private readonly ProgramLab _lab = new();

    [KernelFact]
    public void A_connection_is_answered_on_its_ports_and_opens_none_the_other_way()
    {
        _lab.Apply(Policies.Friends);
        Assert.False(In(Tcp, TcpHeader(444, 40000, Syn | Ack)));
        Assert.True(Forwarded(Tcp, TcpHeader(40000, 444, Syn)));
        Assert.True(In(Tcp, TcpHeader(444, 40000, Syn | Ack)));
        Assert.True(In(Tcp, TcpHeader(444, 40000, Ack)));
        Assert.False(In(Tcp, TcpHeader(444, 40000, Syn)));
        Assert.False(In(Tcp, TcpHeader(444, 40001, Ack)));
        Assert.False(In(Tcp, TcpHeader(445, 40000, Ack)));
        // It is not the host's own: what the host itself says there is asked of its rules.
        Assert.False(Own(Tcp, TcpHeader(40000, 444, Ack)));
    }

    [KernelFact]
    public void A_connection_in_its_middle_opens_nothing()
    {
        _lab.Apply(Policies.Friends);
        Assert.True(Forwarded(Tcp, TcpHeader(40000, 444, Ack)));
        Assert.False(In(Tcp, TcpHeader(444, 40000, Ack)));
    }

    [KernelFact]
    public void Datagrams_and_pings_are_answered()
    {
        _lab.Apply(Policies.Friends);
        Assert.False(In(Udp, UdpHeader(5000, 40000)));
        Assert.True(Forwarded(Udp, UdpHeader(40000, 5000)));
        Assert.True(In(Udp, UdpHeader(5000, 40000)));
        Assert.True(In(Udp, UdpHeader(5000, 40000)));
        Assert.False(In(Udp, UdpHeader(5000, 40001)));
        Assert.False(Own(Udp, UdpHeader(40000, 5000)));
        Assert.False(In(Icmp, IcmpHeader(0, 0, id: 7)));
        Assert.True(Forwarded(Icmp, IcmpHeader(8, 0, id: 7)));
        Assert.True(In(Icmp, IcmpHeader(0, 0, id: 7)));
        Assert.False(In(Icmp, IcmpHeader(0, 0, id: 8)));
        // A reply waits for no answer.
        Assert.True(Forwarded(Icmp, IcmpHeader(0, 0, id: 9)));
        Assert.False(In(Icmp, IcmpHeader(0, 0, id: 9)));
    }

    [KernelFact]
    public void No_rule_of_the_host_revokes_it_and_none_is_named()
    {
        _lab.Apply(Policies.Friends);
        Assert.True(Forwarded(Tcp, TcpHeader(40000, 444, Syn)));
        Assert.True(Forwarded(Udp, UdpHeader(40000, 5000)));
        _lab.Apply(Policies.NothingOutgoing);
        Assert.True(In(Tcp, TcpHeader(444, 40000, Syn | Ack)));
        Assert.True(In(Udp, UdpHeader(5000, 40000)));
        _lab.Apply(Policies.NothingIncoming);
        Assert.True(In(Tcp, TcpHeader(444, 40000, Ack)));
        Assert.True(In(Udp, UdpHeader(5000, 40000)));
        Assert.Empty(_lab.TakeEvents());
        Assert.Empty(_lab.Backend.ReadCounters().Rules);
        Assert.Equal(6, _lab.Backend.ReadCounters().Statistics["forwarded"]);
    }

    [KernelFact]
    public void It_is_proved_by_its_handshake_and_closed_by_its_end()
    {
        _lab.Apply(Policies.Friends);
        Assert.True(Forwarded(Tcp, TcpHeader(40000, 444, Syn, 5000, 0)));
        Assert.True(In(Tcp, TcpHeader(444, 40000, Syn | Ack, 1000, 5001)));
        Assert.Equal("dp_new_tcp4 1", Tables());
        Assert.True(Forwarded(Tcp, TcpHeader(40000, 444, Ack, 5001, 1001)));
        Assert.Equal("dp_live_tcp4 1", Tables());
        Assert.True(In(Tcp, TcpHeader(444, 40000, Ack, 1001, 5001)));
        Assert.True(Forwarded(Tcp, TcpHeader(40000, 444, Rst, 5001, 0)));
        Age(TimeSpan.FromSeconds(11));
        Assert.False(In(Tcp, TcpHeader(444, 40000, Ack, 1001, 5001)));
    }

    [KernelFact]
    public void What_answers_a_published_port_opens_nothing()
    {
        _lab.Apply(Policies.Friends);
        Assert.True(In(Udp, UdpHeader(40000, 53)));
        Assert.True(Forwarded(Udp, UdpHeader(53, 40000)));
        _lab.Apply(Policies.NothingIncoming);
        Assert.True(Forwarded(Udp, UdpHeader(53, 40000)));
        Assert.False(In(Udp, UdpHeader(40000, 53)));
    }

    [KernelFact]
    public void Who_comes_to_a_unit_under_the_hosts_address_is_answered_by_it()
    {
        const string Friends = "\"externalnetwork:name=friends\"";
        _lab.Apply(Policies.Friends.Replace($"[[{Friends}]]", $"[[{Friends}], [\"$type=Host\"]]", StringComparison.Ordinal));
        byte[] syn = Ethernet(IPv4(Host, Web, Tcp, TcpHeader(40000, 80, Syn)));
        byte[] answer = Ethernet(IPv4(Web, Host, Tcp, TcpHeader(80, 40000, Syn | Ack)));
        Assert.False(_lab.Passes("web0", ingress: true, answer));
        Assert.True(_lab.Passes("web0", ingress: false, syn, forwarded: true));
        Assert.True(_lab.Passes("web0", ingress: true, answer));
        // What the unit itself refuses opens nothing.
        Assert.False(_lab.Passes("web0", ingress: false, Ethernet(IPv4(Host, Web, Tcp, TcpHeader(40000, 81, Syn))), forwarded: true));
        Assert.False(_lab.Passes("web0", ingress: true, Ethernet(IPv4(Web, Host, Tcp, TcpHeader(81, 40000, Syn | Ack)))));
    }

    [KernelFact]
    public void An_address_that_is_not_the_hosts_opens_nothing_and_nor_does_one_that_may_be_invented()
    {
        _lab.Apply(Policies.Friends);
        Assert.True(_lab.Passes("up0", ingress: false, Ethernet(IPv4(Web, Peer, Udp, UdpHeader(40000, 5000))), forwarded: true));
        Assert.True(_lab.Passes("up0", ingress: false, Ethernet(IPv6(Host6, Peer6, Udp, UdpHeader(40000, 5000))), forwarded: true));
        Assert.False(_lab.Passes("up0", ingress: true, Ethernet(IPv6(Peer6, Host6, Udp, UdpHeader(5000, 40000)))));
        Assert.Equal("", Tables());
    }

    /// <inheritdoc/>
    public void Dispose() => _lab.Dispose();

    /// <summary>A packet of a unit that leaves by the uplink under the host's address.</summary>
    private bool Forwarded(byte protocol, byte[] payload) =>
        _lab.Passes("up0", ingress: false, Ethernet(IPv4(Host, Peer, protocol, payload)), forwarded: true);

    /// <summary>A packet that the host itself sends.</summary>
    private bool Own(byte protocol, byte[] payload) => _lab.Passes("up0", ingress: false, Ethernet(IPv4(Host, Peer, protocol, payload)));

    private bool In(byte protocol, byte[] payload) => _lab.Passes("up0", ingress: true, Ethernet(IPv4(Peer, Host, protocol, payload)));

    private string Tables()
    {
        using FlowTables flows = _lab.OpenFlows();
        return flows.Counts;
    }

    private void Age(TimeSpan by)
    {
        using FlowTables flows = _lab.OpenFlows();
        flows.Age(by);
    }
}
