using Datapath.Flows;
using Datapath.KernelTests.Support;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>Crafted frames one after the other, under other policies, and what is reported of them; what each is taken for stands in <see cref="Crafted.CraftedPackets"/>.</summary>
public sealed class ParserTests : IDisposable
{
    private const string Friend = "10.9.1.1";
    private const string Stranger = "10.8.1.1";
    private const string Host = "10.0.0.1";
    private const string Friend6 = "2001:db8:9::1";
    private const string Stranger6 = "2001:db8:8::1";
    private const string Host6 = "2001:db8::1";

    private readonly ProgramLab _lab = new();

    [KernelFact]
    public void A_frame_that_the_host_does_not_own_is_forwarded_untouched()
    {
        _lab.Apply(Policies.Friends);
        Assert.True(_lab.Passes("up0", ingress: true, Ethernet(IPv4(Stranger, "10.77.0.1", Tcp, TcpHeader(1, 23, Syn)))));
        Assert.True(_lab.Passes("up0", ingress: true, Ethernet(IPv6(Stranger6, "2001:db8:77::1", DestinationOptions, Chain(9, [])))));
        Assert.True(_lab.Passes("up0", ingress: false, Ethernet(IPv4(Stranger, "10.77.0.1", Tcp, TcpHeader(1, 23, Syn))), forwarded: true));
        Assert.Equal(3, _lab.Backend.ReadCounters().Statistics["forwarded"]);
        Assert.Empty(_lab.TakeEvents());
    }

    [KernelFact]
    public void Later_fragments_follow_the_ports_of_the_first()
    {
        _lab.Apply(Policies.Friends);
        IPv4Fields first = new() { Id = 100, More = true };
        IPv4Fields later = new() { Id = 100, FragmentOffset = 1480 };
        Assert.True(_lab.Passes("up0", ingress: true, V4(Udp, UdpHeader(40000, 53), first)));
        Assert.True(_lab.Passes("up0", ingress: true, V4(Udp, new byte[100], later)));
        Assert.False(_lab.Passes("up0", ingress: true, V4(Udp, UdpHeader(40000, 54), first with { Id = 101 })));
        Assert.False(_lab.Passes("up0", ingress: true, V4(Udp, new byte[100], later with { Id = 101 })));
        // Another sender, another protocol, another datagram: not the one whose ports we saw.
        Assert.False(_lab.Passes("up0", ingress: true, Ethernet(IPv4("10.9.1.2", Host, Udp, new byte[100], later))));
        Assert.False(_lab.Passes("up0", ingress: true, V4(Tcp, new byte[100], later)));
        Assert.False(_lab.Passes("up0", ingress: true, V4(Udp, new byte[100], later with { Id = 102 })));
        byte[] rest6 = FragmentHeader(Udp, 1448, false, 9, new byte[64]);
        Assert.True(_lab.Passes("up0", ingress: true, V6(Fragment, FragmentHeader(Udp, 0, true, 9, UdpHeader(40000, 53)))));
        Assert.True(_lab.Passes("up0", ingress: true, V6(Fragment, rest6)));
    }

    [KernelFact]
    public void A_packet_without_addresses_is_reported_with_its_direction_and_generation()
    {
        _lab.Apply(Policies.Friends);
        byte[] broken = V4(Tcp, TcpHeader(1, 2, Syn), new IPv4Fields { HeaderWords = 4 });
        (string Interface, bool Ingress, Policy.Compilation.Direction Expected)[] hooks =
        [
            ("up0", true, Policy.Compilation.Direction.Incoming),
            ("up0", false, Policy.Compilation.Direction.Outgoing),
            ("web0", true, Policy.Compilation.Direction.Outgoing),
            ("web0", false, Policy.Compilation.Direction.Incoming),
        ];
        foreach ((string interfaceName, bool ingress, Policy.Compilation.Direction expected) in hooks)
        {
            Assert.False(_lab.Passes(interfaceName, ingress, broken));
            FlowEvent one = Assert.Single(_lab.TakeEvents());
            Assert.Equal((DropReason.BadHeader, expected, 1u), (one.Reason, one.Direction, one.Generation));
        }
    }

    [KernelFact]
    public void In_discovery_mode_what_has_no_readable_ports_passes()
    {
        _lab.Apply(Policies.Discovery);
        Assert.True(_lab.Passes("up0", ingress: true, V4(Udp, new byte[8], new IPv4Fields { Id = 6, FragmentOffset = 1480 })));
        Assert.True(_lab.Passes("up0", ingress: true, V4(Tcp, TcpHeader(1, 2, Syn)[..12])));
        Assert.True(_lab.Passes("up0", ingress: true, V6(DestinationOptions, Chain(9, []))));
        // Without addresses nobody can say whose it is.
        Assert.False(_lab.Passes("up0", ingress: true, V4(Tcp, TcpHeader(1, 2, Syn), new IPv4Fields { HeaderWords = 4 })));
    }

    [KernelFact]
    public void A_protocol_that_cannot_be_read_is_dropped_where_protocols_matter()
    {
        // Every table of ports says one thing here, so that ports do not matter, and yet udp must not come through.
        const string AllButUdp = """
                  incomingRules:
                    - action: Reject
                      object: [["externalnetwork:name=friends"]]
                      protocolPorts: ["udp/0:65535"]
                    - action: Allow
                      object: [["externalnetwork:name=friends"]]
                      protocolPorts: [any]

            """;
        _lab.Apply(Policies.Enforcing(AllButUdp));
        Assert.True(Passes(Tcp, TcpHeader(1, 2, Syn)));
        Assert.False(Passes(Udp, UdpHeader(1, 2)));
        Assert.False(Passes(DestinationOptions, Chain(9, UdpHeader(1, 2))));
        Assert.Equal(1, _lab.Backend.ReadCounters().Drops[DropReason.ExtensionLimit].Packets);

        bool Passes(byte next, byte[] payload) =>
            _lab.Passes("web0", ingress: false, Ethernet(IPv6(Friend6, "2001:db8:1::2", next, payload)), forwarded: true);
    }

    /// <inheritdoc/>
    public void Dispose() => _lab.Dispose();

    private static byte[] V4(byte protocol, byte[] payload, IPv4Fields? fields = null, ushort? etherType = null) =>
        Ethernet(IPv4(Friend, Host, protocol, payload, fields), etherType);

    private static byte[] V6(byte next, byte[] payload) => Ethernet(IPv6(Friend6, Host6, next, payload));

    /// <summary>So many destination headers before TCP.</summary>
    private static byte[] Chain(int headers, byte[] tcp) =>
        Enumerable.Range(1, headers).Aggregate(tcp, (rest, number) => Extension(number == 1 ? Tcp : DestinationOptions, rest));
}
