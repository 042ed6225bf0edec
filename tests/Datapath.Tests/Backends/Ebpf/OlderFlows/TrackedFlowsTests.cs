using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Datapath.Backends.Ebpf;
using Datapath.Backends.Ebpf.OlderFlows;
using Datapath.Backends.Host;
using Datapath.Interop.Netlink;
using Datapath.Policy.Compilation;
using Xunit;

namespace Datapath.Tests.Backends.Ebpf.OlderFlows;

/// <summary>Tracked connections as each judge sees them on the wire: who opened, and what NAT makes of addresses.</summary>
public sealed class TrackedFlowsTests
{
    // The host is 192.0.2.1, the pod 10.1.0.2 is unit 2, everybody else is somewhere else.
    [Theory]
    [InlineData("to the host", "198.51.100.7:4000>192.0.2.1:80", "192.0.2.1:80>198.51.100.7:4000", "1 Incoming 198.51.100.7:4000>192.0.2.1:80 key 80")]
    [InlineData("of the host", "192.0.2.1:4000>198.51.100.7:80", "198.51.100.7:80>192.0.2.1:4000", "1 Outgoing 192.0.2.1:4000>198.51.100.7:80 key 80")]
    [InlineData("of a pod", "10.1.0.2:4000>198.51.100.7:80", "198.51.100.7:80>10.1.0.2:4000", "2 Outgoing 10.1.0.2:4000>198.51.100.7:80 key 80")]
    [InlineData("to a pod", "198.51.100.7:4000>10.1.0.2:80", "10.1.0.2:80>198.51.100.7:4000", "2 Incoming 198.51.100.7:4000>10.1.0.2:80 key 80")]
    [InlineData("of the host to a pod", "192.0.2.1:4000>10.1.0.2:80", "10.1.0.2:80>192.0.2.1:4000", "1 Outgoing 192.0.2.1:4000>10.1.0.2:80 key 80, 2 Incoming 192.0.2.1:4000>10.1.0.2:80 key 80")]
    [InlineData("of a pod to the host", "10.1.0.2:4000>192.0.2.1:80", "192.0.2.1:80>10.1.0.2:4000", "2 Outgoing 10.1.0.2:4000>192.0.2.1:80 key 80, 1 Incoming 10.1.0.2:4000>192.0.2.1:80 key 80")]
    [InlineData("published", "198.51.100.7:4000>192.0.2.1:8080", "10.1.0.2:80>198.51.100.7:4000", "1 Incoming 198.51.100.7:4000>192.0.2.1:8080 key 8080, 2 Incoming 198.51.100.7:4000>10.1.0.2:80 key 80")]
    [InlineData("redirected", "198.51.100.7:4000>192.0.2.1:80", "192.0.2.1:3128>198.51.100.7:4000", "1 Incoming 198.51.100.7:4000>192.0.2.1:80 key 80")]
    [InlineData("masqueraded", "10.1.0.2:4000>198.51.100.7:80", "198.51.100.7:80>192.0.2.1:6000", "2 Outgoing 10.1.0.2:4000>198.51.100.7:80 key 80, 1 Outgoing 192.0.2.1:6000>198.51.100.7:80 key 80 translated")]
    [InlineData("of the host, sent elsewhere", "192.0.2.1:4000>203.0.113.9:80", "198.51.100.7:8080>192.0.2.1:4000", "1 Outgoing 192.0.2.1:4000>198.51.100.7:8080 key 8080")]
    [InlineData("of the host with itself", "127.0.0.1:4000>127.0.0.1:80", "127.0.0.1:80>127.0.0.1:4000", "")]
    [InlineData("of others", "198.51.100.7:4000>203.0.113.9:80", "203.0.113.9:80>198.51.100.7:4000", "")]
    public void Each_judge_has_the_tuple_that_it_sees(string what, string original, string reply, string expected)
    {
        ConntrackEntry entry = Entry(original, reply, protocol: 6) with { TcpState = ConntrackTcpState.Established };
        Assert.Equal($"{what}: {expected}", $"{what}: {string.Join(", ", TrackedFlows.Of(entry, Owners()).Select(Line))}");
    }

    [Fact]
    public void Of_a_connection_that_was_taken_up_in_the_middle_nobody_knows_who_opened_it()
    {
        ConntrackEntry entry = Entry("198.51.100.7:4000>192.0.2.1:80", "192.0.2.1:80>198.51.100.7:4000", protocol: 6) with { TcpState = ConntrackTcpState.Established };
        Assert.Single(TrackedFlows.Of(entry, Owners()));
        Assert.Empty(TrackedFlows.Of(entry with { IsTakenUp = true }, Owners()));
    }

    [Theory]
    [InlineData(6, ConntrackTcpState.SynSent, false, DpFlowState.Opening, false)]
    [InlineData(6, ConntrackTcpState.SynReceived, true, DpFlowState.SynReceived, false)]
    [InlineData(6, ConntrackTcpState.Established, true, DpFlowState.Established, true)]
    [InlineData(6, ConntrackTcpState.Close, true, DpFlowState.Closed, true)]
    [InlineData(17, null, false, DpFlowState.Opening, false)]
    [InlineData(17, null, true, DpFlowState.Established, true)]
    [InlineData(47, null, true, DpFlowState.Established, true)]
    public void It_is_as_far_as_the_kernel_saw_it(byte protocol, ConntrackTcpState? state, bool isAnswered, object expected, bool isProved)
    {
        ConntrackEntry entry = Entry("198.51.100.7:4000>192.0.2.1:80", "192.0.2.1:80>198.51.100.7:4000", protocol) with { TcpState = state, IsAnswered = isAnswered };
        OlderFlow flow = Assert.Single(TrackedFlows.Of(entry, Owners()));
        Assert.Equal((expected, isProved), (flow.State, flow.IsProved));
    }

    [Fact]
    public void An_echo_has_its_identifier_for_ports_as_translation_left_it_and_proves_nobody()
    {
        ConntrackEntry entry = Entry("10.1.0.2:0>198.51.100.7:0", "198.51.100.7:0>192.0.2.1:0", protocol: 1) with { IsAnswered = true };
        entry = entry with { Original = entry.Original with { EchoIdentifier = 77, IcmpTypeAndCode = 8 << 8 }, Reply = entry.Reply with { EchoIdentifier = 78 } };
        ImmutableArray<OlderFlow> flows = [.. TrackedFlows.Of(entry, Owners())];
        Assert.Equal(
            ["2 Outgoing 10.1.0.2:77>198.51.100.7:77 key 2048", "1 Outgoing 192.0.2.1:78>198.51.100.7:78 key 2048 translated"],
            flows.Select(Line)
        );
        Assert.All(flows, flow => Assert.False(flow.IsProved));
        Assert.Empty(TrackedFlows.Of(entry with { Original = entry.Original with { IcmpTypeAndCode = 13 << 8 } }, Owners()));
    }

    [Fact]
    public void Protocols_without_ports_of_ours_have_none()
    {
        OlderFlow flow = Assert.Single(TrackedFlows.Of(Entry("198.51.100.7:9>192.0.2.1:9", "192.0.2.1:9>198.51.100.7:9", protocol: 47), Owners()));
        Assert.Equal("1 Incoming 198.51.100.7:0>192.0.2.1:0 key 47", Line(flow));
    }

    private static string Line(OlderFlow flow) =>
        string.Create(CultureInfo.InvariantCulture, $"{flow.Unit} {flow.Direction} {flow.Opener}>{flow.Answerer} key {flow.Key}{(flow.IsTranslated ? " translated" : "")}");

    private static ConntrackEntry Entry(string original, string reply, byte protocol) => new(Tuple(original, protocol), Tuple(reply, protocol), Mark: 0, Zone: 0);

    private static ConntrackTuple Tuple(string text, byte protocol)
    {
        IPEndPoint[] ends = [.. text.Split('>').Select(IPEndPoint.Parse)];
        return new ConntrackTuple(ends[0].Address, ends[1].Address, protocol, (ushort)ends[0].Port, (ushort)ends[1].Port, 0);
    }

    private static AddressOwners Owners()
    {
        uint pod = 0x0a010002;
        var peers = new PeerMap(1, [new(0, 0, 0), new(pod, 0, 2), new(pod + 1, 0, 0)], [new(0, 0, 0)]);
        return new AddressOwners(peers, new HostSnapshot([], [IPAddress.Parse("192.0.2.1")], []));
    }
}
