using Datapath.Flows;
using Datapath.KernelTests.Support;
using Datapath.Policy.Compilation;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>A unit and its own address: what it says to itself passes, what only claims to come from it is judged like anybody's.</summary>
public sealed class OwnAddressTests : IDisposable
{
    private const string Host = "10.0.0.1";
    private const string Web = "10.1.0.2";
    private const string Web6 = "2001:db8:1::2";

    private readonly ProgramLab _lab = new();

    [KernelFact]
    public void A_unit_with_itself_is_always_allowed_by_the_rule_local()
    {
        _lab.Apply(Policies.Friends);
        Assert.True(_lab.Passes("web0", ingress: true, Ethernet(IPv4(Web, Web, Tcp, TcpHeader(1, 23, Syn)))));
        int counted = Assert.Single(_lab.Backend.ReadCounters().Rules.Keys);
        Assert.Equal(RuleKind.Local, _lab.Policy!.Rules.Single(rule => rule.Index == counted).Rule.Kind);
        Assert.Empty(_lab.TakeEvents());
    }

    [KernelFact]
    public void Who_comes_from_outside_with_the_units_own_address_is_not_the_unit()
    {
        _lab.Apply(Policies.Friends);
        Assert.False(_lab.Passes("up0", ingress: true, Ethernet(IPv6("2001:db8::1", "2001:db8::1", Udp, UdpHeader(1, 2)))));
        Assert.False(_lab.Passes("web0", ingress: false, Ethernet(IPv6(Web6, Web6, Udp, UdpHeader(1, 2))), forwarded: true));
        Assert.False(_lab.Passes("web0", ingress: true, Ethernet(IPv4(Host, Host, Udp, UdpHeader(1, 2)))));
        Assert.All(_lab.TakeEvents().Where(one => one.Verdict == Verdict.Reject), one => Assert.NotEqual(0, one.RuleIndex));
    }

    [KernelTheory]
    [InlineData(Udp)]
    [InlineData(Tcp)]
    public void Who_claims_to_be_the_unit_is_no_answer_to_what_it_says_to_itself(byte protocol)
    {
        _lab.Apply(Policies.Friends);
        Assert.True(Crosses(ingress: true, protocol, 1024, 53, Syn));
        Assert.False(Crosses(ingress: false, protocol, 53, 1024, Syn | Ack));
        Assert.False(Crosses(ingress: false, protocol, 1024, 53, Ack));
        FlowEvent[] drops = [.. _lab.TakeEvents()];
        Assert.Equal([DropReason.Policy, DropReason.Policy], drops.Select(one => one.Reason));
    }

    [KernelFact]
    public void A_fragment_that_claims_to_be_the_units_is_no_part_of_what_it_says_to_itself()
    {
        _lab.Apply(Policies.Friends);
        Assert.True(_lab.Passes("web0", ingress: true, Ethernet(IPv4(Web, Web, Udp, UdpHeader(1024, 53), new() { Id = 9, More = true }))));
        byte[] later = Ethernet(IPv4(Web, Web, Udp, new byte[8], new() { Id = 9, FragmentOffset = 16 }));
        Assert.False(_lab.Passes("web0", ingress: false, later, forwarded: true));
        Assert.Equal(DropReason.Policy, Assert.Single(_lab.TakeEvents()).Reason);
        // The unit's own passes.
        Assert.True(_lab.Passes("web0", ingress: true, later));
    }

    public void Dispose() => _lab.Dispose();

    private bool Crosses(bool ingress, byte protocol, ushort source, ushort destination, byte flags) =>
        _lab.Passes("web0", ingress, Ethernet(IPv4(Web, Web, protocol, protocol == Tcp ? TcpHeader(source, destination, flags) : UdpHeader(source, destination))), forwarded: true);
}
