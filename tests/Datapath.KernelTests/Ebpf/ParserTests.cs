using Datapath.Backends;
using Datapath.Flows;
using Datapath.KernelTests.Support;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>Crafted frames through the shipped program: what they are taken for, and that what cannot be told is dropped.</summary>
public sealed class ParserTests : IDisposable
{
    private const string Friend = "10.9.1.1";
    private const string Stranger = "10.8.1.1";
    private const string Host = "10.0.0.1";
    private const string Friend6 = "2001:db8:9::1";
    private const string Stranger6 = "2001:db8:8::1";
    private const string Host6 = "2001:db8::1";
    private const string Allowed = "everyone 1";
    private const string Default = "Default default";

    // Built-in allowances are counted, not reported.
    private const string BuiltIn = "passed with 0 events";

    private readonly ProgramLab _lab = new();

    /// <summary>Frames that come in at the uplink: name, frame, and the rule that allows it, the rule that rejects it, or the reason.</summary>
    private static IEnumerable<(string Name, byte[] Frame, string Expected)> Frames()
    {
        // Each case is a flow of its own, and so is reported.
        ushort port = 40000;
        byte[] Syn80() => TcpHeader(port++, 80, Syn);
        byte[] Syn81() => TcpHeader(port++, 81, Syn);
        byte[] Query() => UdpHeader(port++, 53);

        yield return ("tcp to an allowed port", V4(Tcp, Syn80()), Allowed);
        yield return ("tcp to the port above", V4(Tcp, Syn81()), Default);
        yield return ("tcp to the port below", V4(Tcp, TcpHeader(40000, 79, Syn)), Default);
        yield return ("tcp from the hole in the network", From("10.9.9.1", Tcp, Syn80()), Default);
        yield return ("tcp from the last address before the hole", From("10.9.8.255", Tcp, Syn80()), Allowed);
        yield return ("tcp from the first address after the hole", From("10.9.10.0", Tcp, Syn80()), Allowed);
        yield return ("tcp from the address before the network", From("10.8.255.255", Tcp, Syn80()), Default);
        yield return ("tcp from the address after the network", From("10.10.0.0", Tcp, Syn80()), Default);
        yield return ("tcp from a stranger", From(Stranger, Tcp, Syn80()), Default);
        yield return ("tcp to the failsafe port", From(Stranger, Tcp, TcpHeader(40000, 22, Syn)), "Failsafe tcp/22");
        yield return ("udp to an allowed port", V4(Udp, Query()), Allowed);
        yield return ("udp to another port", V4(Udp, UdpHeader(40000, 54)), Default);
        yield return ("udp port 0", V4(Udp, UdpHeader(40000, 0)), Default);
        yield return ("tcp port 65535", V4(Tcp, TcpHeader(40000, 65535, Syn)), Default);
        yield return ("ping", V4(Icmp, IcmpHeader(8, 0)), Allowed);
        yield return ("ping reply that nobody asked for", V4(Icmp, IcmpHeader(0, 0)), Default);
        yield return ("icmp of another type", V4(Icmp, IcmpHeader(13, 0)), Default);
        yield return ("a protocol without ports that is allowed", V4(47, [0, 0, 8, 0]), Allowed);
        yield return ("the protocol next to it", V4(46, [0, 0, 8, 0]), Default);
        yield return ("a protocol without ports and without payload", From("10.9.1.2", 47, []), Allowed);

        yield return ("ipv4 options move the ports", V4(Tcp, Syn80(), new IPv4Fields { Options = [1, 1, 1, 1] }), Allowed);
        yield return ("forty bytes of ipv4 options", V4(Tcp, Syn80(), new IPv4Fields { Options = new byte[40] }), Allowed);
        yield return ("an option that looks like allowed ports", V4(Tcp, Syn81(), new IPv4Fields { Options = [0, 0, 0, 80] }), Default);
        yield return ("ipv4 header length below five", V4(Tcp, Syn80(), new IPv4Fields { HeaderWords = 4 }), "BadHeader");
        yield return ("ipv4 header longer than the packet", V4(Tcp, [1, 2], new IPv4Fields { HeaderWords = 15 }), "ShortHeader");
        yield return ("version 6 in an ipv4 frame", V4(Tcp, Syn80(), new IPv4Fields { Version = 6 }, 0x0800), "BadHeader");
        yield return ("half a tcp header", V4(Tcp, Syn80()[..12]), "ShortHeader");
        yield return ("two bytes of udp", V4(Udp, Query()[..2]), "ShortHeader");
        yield return ("half an icmp header", V4(Icmp, IcmpHeader(8, 0)[..4]), "ShortHeader");

        yield return ("one vlan tag", Ethernet(IPv4(Friend, Host, Tcp, Syn80()), null, 5), Allowed);
        yield return ("one vlan tag and a port that is not allowed", Ethernet(IPv4(Friend, Host, Tcp, Syn81()), null, 5), Default);
        yield return ("two vlan tags", Ethernet(IPv4(Friend, Host, Tcp, Syn80()), null, 5, 6), Allowed);
        yield return ("two vlan tags and a port that is not allowed", Ethernet(IPv4(Friend, Host, Tcp, Syn81()), null, 5, 6), Default);

        yield return ("ipv6 tcp", V6(Tcp, Syn80()), Allowed);
        yield return ("ipv6 tcp to another port", V6(Tcp, Syn81()), Default);
        yield return ("ipv6 tcp from a stranger", Ethernet(IPv6(Stranger6, Host6, Tcp, Syn80())), Default);
        yield return ("ipv6 from the address before the network", Ethernet(IPv6("2001:db8:8:ffff:ffff:ffff:ffff:ffff", Host6, Tcp, Syn80())), Default);
        yield return ("ipv6 from the last address of the network", Ethernet(IPv6("2001:db8:9:ffff:ffff:ffff:ffff:ffff", Host6, Tcp, Syn80())), Allowed);
        yield return ("ipv6 from the address after the network", Ethernet(IPv6("2001:db8:a::", Host6, Tcp, Syn80())), Default);
        yield return ("ipv6 udp", V6(Udp, Query()), Allowed);
        yield return ("ipv6 ping", V6(Icmp6, IcmpHeader(128, 0)), Allowed);
        yield return ("version 4 in an ipv6 frame", Ethernet(IPv6(Friend6, Host6, Tcp, Syn80(), version: 4), 0x86dd), "BadHeader");
        yield return ("hop-by-hop", V6(HopByHop, Extension(Tcp, Syn80())), Allowed);
        yield return ("hop-by-hop before a port that is not allowed", V6(HopByHop, Extension(Tcp, Syn81())), Default);
        yield return ("a long destination header", V6(DestinationOptions, Extension(Tcp, Syn80(), extraUnits: 4)), Allowed);
        yield return ("a long destination header before another port", V6(DestinationOptions, Extension(Tcp, Syn81(), extraUnits: 4)), Default);
        yield return ("routing", V6(Routing, Extension(Tcp, Syn80(), extraUnits: 2)), Allowed);
        yield return ("authentication counts in words", V6(Authentication, AuthenticationHeader(Tcp, Syn80())), Allowed);
        yield return ("authentication before another port", V6(Authentication, AuthenticationHeader(Tcp, Syn81())), Default);
        yield return ("four kinds in a row", V6(HopByHop, Extension(Routing, Extension(Authentication, AuthenticationHeader(DestinationOptions, Extension(Tcp, Syn80()))))), Allowed);
        yield return ("eight extension headers", V6(DestinationOptions, Chain(8, Syn80())), Allowed);
        yield return ("eight extension headers before another port", V6(DestinationOptions, Chain(8, Syn81())), Default);
        yield return ("nine extension headers", V6(DestinationOptions, Chain(9, Syn80())), "ExtensionLimit");
        yield return ("an extension header that ends the packet", V6(DestinationOptions, [Tcp, 0, 0]), "ShortHeader");
        yield return ("an extension header that points beyond the packet", V6(DestinationOptions, [Tcp, 200, 0, 0, 0, 0, 0, 0]), "ShortHeader");
        yield return ("a header that is not on the list has no ports", V6(135, Extension(Tcp, Syn80())), Default);
        yield return ("an atomic fragment is a whole packet", V6(Fragment, FragmentHeader(Tcp, 0, false, 1, Syn80())), Allowed);
        yield return ("an atomic fragment to another port", V6(Fragment, FragmentHeader(Tcp, 0, false, 1, Syn81())), Default);
        yield return ("a first fragment has ports", V6(Fragment, FragmentHeader(Udp, 0, true, 2, Query())), Allowed);
        yield return ("a later fragment of nothing we saw", V6(Fragment, FragmentHeader(Udp, 1448, false, 3, Query())), "PortsUnknown");
        yield return ("an ipv6 first fragment too short for its ports", V6(Fragment, FragmentHeader(Tcp, 0, true, 4, Syn80()[..4])), "PortsUnknown");
        yield return ("an ipv4 first fragment has ports", V4(Udp, Query(), new IPv4Fields { Id = 5, More = true }), Allowed);
        yield return ("an ipv4 later fragment of nothing we saw", V4(Udp, Query(), new IPv4Fields { Id = 6, FragmentOffset = 1480 }), "PortsUnknown");
        yield return ("an ipv4 fragment that begins inside the tcp header", V4(Tcp, Syn80(), new IPv4Fields { Id = 7, FragmentOffset = 8 }), "PortsUnknown");
        yield return ("a later fragment of a protocol without ports", Ethernet(IPv4("10.9.1.3", Host, 47, [1], new IPv4Fields { Id = 8, FragmentOffset = 1480 })), Allowed);

        yield return ("neighbour solicitation on the link", Ethernet(IPv6(Stranger6, Host6, Icmp6, IcmpHeader(135, 0), hopLimit: 255)), BuiltIn);
        yield return ("neighbour solicitation that crossed a router", Ethernet(IPv6(Stranger6, Host6, Icmp6, IcmpHeader(135, 0), hopLimit: 254)), Default);
        yield return ("multicast is the host's", Ethernet(IPv4(Stranger, "224.0.0.251", Udp, UdpHeader(5353, 5353))), Default);
        yield return ("broadcast of the network is the host's", Ethernet(IPv4(Stranger, "10.0.0.255", Udp, Query())), Default);
        yield return ("broadcast of everyone is the host's", Ethernet(IPv4("0.0.0.0", "255.255.255.255", Udp, UdpHeader(67, 68))), "Failsafe udp/68");
        yield return ("loopback is the host's", Ethernet(IPv4(Stranger, "127.0.0.1", Udp, Query())), Default);
        yield return ("ipv6 multicast is the host's", Ethernet(IPv6(Stranger6, "ff02::fb", Udp, UdpHeader(5353, 5353))), Default);
    }

    [KernelFact]
    public void Frames_are_taken_for_what_they_are()
    {
        _lab.Apply(Policies.Friends);
        List<string> wrong = [];
        foreach ((string name, byte[] frame, string expected) in Frames())
        {
            bool passed = _lab.Passes("up0", ingress: true, frame);
            string observed = Describe(passed);
            if (observed != expected)
            {
                wrong.Add($"{name}: expected {expected}, observed {observed}");
            }
        }

        Assert.True(wrong.Count == 0, string.Join(Environment.NewLine, wrong));
    }

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
    public void What_is_not_ip_passes_and_is_counted()
    {
        _lab.Apply(Policies.Friends);
        byte[] arp = Ethernet(new byte[28], 0x0806);
        Assert.True(_lab.Passes("up0", ingress: true, arp));
        Assert.True(_lab.Passes("up0", ingress: true, Ethernet(new byte[28], 0x88cc)));
        Assert.Equal(2, _lab.Backend.ReadCounters().Statistics["not_ip_passed"]);
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

    [KernelFact]
    public void A_large_buffer_counts_as_the_packets_it_stands_for()
    {
        _lab.Apply(Policies.Friends);
        _lab.Passes("up0", ingress: true, V4(Tcp, TcpHeader(40000, 80, Ack)), segments: 10);
        BackendCounters counters = _lab.Backend.ReadCounters();
        int rule = _lab.Policy!.Rules.Single(one => one.Rule.Ruleset == "everyone" && one.Rule.Direction == Policy.Compilation.Direction.Incoming).Index;
        Assert.Equal(10, counters.Rules[rule].Packets);
    }

    /// <inheritdoc/>
    public void Dispose() => _lab.Dispose();

    private static byte[] V4(byte protocol, byte[] payload, IPv4Fields? fields = null, ushort? etherType = null) =>
        Ethernet(IPv4(Friend, Host, protocol, payload, fields), etherType);

    private static byte[] From(string source, byte protocol, byte[] payload) => Ethernet(IPv4(source, Host, protocol, payload));

    private static byte[] V6(byte next, byte[] payload) => Ethernet(IPv6(Friend6, Host6, next, payload));

    /// <summary>So many destination headers before TCP.</summary>
    private static byte[] Chain(int headers, byte[] tcp) =>
        Enumerable.Range(1, headers).Aggregate(tcp, (rest, number) => Extension(number == 1 ? Tcp : DestinationOptions, rest));

    /// <summary>The rule of the one event if there is a rule, else the reason; a packet that passes without an event has none.</summary>
    private string Describe(bool passed)
    {
        FlowEvent[] events = [.. _lab.TakeEvents()];
        if (events is not [var one])
        {
            return $"{(passed ? "passed" : "dropped")} with {events.Length} events";
        }

        if (passed != (one.Verdict == Policy.Compilation.Verdict.Allow))
        {
            return $"passed: {passed}, but the event says {one.Verdict}";
        }

        return one.RuleIndex == 0 ? one.Reason.ToString() : _lab.RuleName(one.RuleIndex);
    }
}
