using Datapath.Flows;
using Datapath.KernelTests.Support;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>ICMP errors through the shipped programs: those about a flow that policy allowed pass, whoever reports them, and no others.</summary>
public sealed class IcmpErrorTests : IDisposable
{
    private const string Friend = "10.9.1.1";
    private const string Host = "10.0.0.1";
    private const string Router = "10.8.0.1";
    private const string Friend6 = "2001:db8:9::1";
    private const string Host6 = "2001:db8::1";
    private const string Router6 = "2001:db8:8::1";

    private readonly ProgramLab _lab = new();

    /// <summary>Opens a connection from the host and one towards it, in both families.</summary>
    private void Open()
    {
        _lab.Apply(Policies.Friends);
        Assert.True(_lab.Passes("up0", ingress: false, Ethernet(Question)));
        Assert.True(_lab.Passes("up0", ingress: true, Ethernet(IPv4(Friend, Host, Tcp, TcpHeader(40000, 80, Syn)))));
        Assert.True(_lab.Passes("up0", ingress: false, Ethernet(IPv6(Host6, Friend6, Tcp, TcpHeader(50000, 443, Syn)))));
    }

    private static byte[] Question => IPv4(Host, Friend, Udp, UdpHeader(50000, 123));

    [KernelFact]
    public void A_router_may_say_why_a_packet_of_an_open_flow_did_not_arrive()
    {
        Open();
        Assert.True(Error(3, 3, Question));
        Assert.True(Error(11, 0, Question));
        // The answer of the flow that somebody else opened.
        Assert.True(Error(3, 4, IPv4(Host, Friend, Tcp, TcpHeader(80, 40000, Ack))));
        Assert.True(Error6(2, 0, IPv6(Host6, Friend6, Tcp, TcpHeader(50000, 443, Ack))));
        Assert.Equal(3, _lab.TakeEvents().Length);
    }

    [KernelFact]
    public void An_error_about_anything_else_is_dropped()
    {
        Open();
        Assert.False(Error(3, 3, IPv4(Host, Friend, Udp, UdpHeader(50001, 123))));
        Assert.False(Error(3, 3, IPv4(Host, "10.9.1.2", Udp, UdpHeader(50000, 123))));
        Assert.False(Error(3, 3, IPv4(Host, Friend, Tcp, TcpHeader(50000, 123, Ack))));
        // The quoted packet must be one that the host sent: here it is one that it was sent.
        Assert.False(Error(3, 3, IPv4(Friend, Host, Udp, UdpHeader(123, 50000))));
        // Cut off before the ports, a later fragment, a header that is none.
        Assert.False(Error(3, 3, Question[..24]));
        Assert.False(Error(3, 3, IPv4(Host, Friend, Udp, UdpHeader(50000, 123), new IPv4Fields { FragmentOffset = 8 })));
        Assert.False(Error(3, 3, IPv4(Host, Friend, Udp, UdpHeader(50000, 123), new IPv4Fields { Version = 5 })));
        // Not an error: types that quote nothing.
        Assert.False(Error(13, 0, Question));
        Assert.False(Error6(5, 0, IPv6(Host6, Friend6, Tcp, TcpHeader(50000, 443, Ack))));
        Assert.False(Error6(2, 0, IPv6(Host6, Friend6, Tcp, TcpHeader(50001, 443, Ack))));
    }

    [KernelFact]
    public void An_error_that_goes_the_way_of_the_quoted_packet_is_dropped()
    {
        Open();
        // The host telling the friend about a packet that the host itself sent.
        Assert.False(_lab.Passes("up0", ingress: false, Ethernet(IPv4(Host, Friend, Icmp, IcmpError(3, 3, Question)))));
        // The host telling the friend about the friend's packet.
        Assert.True(_lab.Passes("up0", ingress: false, Ethernet(IPv4(Host, Friend, Icmp, IcmpError(3, 3, IPv4(Friend, Host, Tcp, TcpHeader(40000, 80, Ack)))))));
    }

    [KernelFact]
    public void Errors_about_a_flow_end_with_the_rule_that_let_it_open()
    {
        Open();
        Assert.True(Error(3, 3, Question));
        _lab.Apply(Policies.NothingOutgoing);
        Assert.False(Error(3, 3, Question));
        Assert.Contains(_lab.TakeEvents(), one => one.Reason == DropReason.Policy);
    }

    [KernelFact]
    public void A_rule_may_allow_errors_like_any_other_icmp()
    {
        _lab.Apply(Policies.Friends.Replace("icmp/8,", "icmp/3, icmp/8,", StringComparison.Ordinal));
        byte[] about = IPv4(Host, Friend, Udp, UdpHeader(1, 2));
        Assert.True(_lab.Passes("up0", ingress: true, Ethernet(IPv4(Friend, Host, Icmp, IcmpError(3, 3, about)))));
        Assert.False(_lab.Passes("up0", ingress: true, Ethernet(IPv4(Router, Host, Icmp, IcmpError(3, 3, about)))));
    }

    [KernelFact]
    public void The_host_may_say_why_it_forwarded_a_packet_of_a_units_flow_no_further()
    {
        const string Web = "10.1.0.2";
        byte[] question = IPv4(Friend, Web, Tcp, TcpHeader(40000, 80, Ack));
        byte[] answer = IPv4(Web, Friend, Tcp, TcpHeader(80, 40000, Ack));
        _lab.Apply(Policies.Friends);
        Assert.False(FromHost("up0", Friend, question));
        Assert.True(_lab.Passes("web0", ingress: false, Ethernet(IPv4(Friend, Web, Tcp, TcpHeader(40000, 80, Syn))), forwarded: true));
        Assert.True(FromHost("up0", Friend, question));
        Assert.True(FromHost("web0", Web, answer));
        // To who did not send it, about another flow, and about one that the unit's rules do not let speak any more.
        Assert.False(FromHost("up0", "10.9.1.2", question));
        Assert.False(FromHost("up0", Friend, answer));
        Assert.False(FromHost("up0", Friend, IPv4(Friend, Web, Tcp, TcpHeader(40000, 81, Ack))));
        // An unrelated change: the unit's rules are asked again, with its peer.
        _lab.Apply(Policies.NothingOutgoing);
        Assert.True(FromHost("web0", Web, answer));
        Assert.True(FromHost("up0", Friend, question));
        _lab.Apply(Policies.NothingIncoming);
        Assert.False(FromHost("up0", Friend, question));
        Assert.False(FromHost("web0", Web, answer));
    }

    /// <inheritdoc/>
    public void Dispose() => _lab.Dispose();

    private bool Error(byte type, byte code, byte[] about) =>
        _lab.Passes("up0", ingress: true, Ethernet(IPv4(Router, Host, Icmp, IcmpError(type, code, about))));

    private bool FromHost(string interfaceName, string to, byte[] about) =>
        _lab.Passes(interfaceName, ingress: false, Ethernet(IPv4(Host, to, Icmp, IcmpError(3, 4, about))));

    private bool Error6(byte type, byte code, byte[] about) =>
        _lab.Passes("up0", ingress: true, Ethernet(IPv6(Router6, Host6, Icmp6, IcmpError(type, code, about))));
}
