using Datapath.Flows;
using Datapath.KernelTests.Support;
using Datapath.Shared.Oracle;
using Datapath.Shared.Sequences;
using Xunit;

namespace Datapath.KernelTests.Wire;

/// <summary>What decision 0020 accepts is exactly so: the oracle says one thing, and iptables another.</summary>
public sealed class AcceptedDifferenceTests
{
    private const int Zone = 1;
    private const uint Generation = 1;
    private const string Friend = "10.9.0.1";

    // Friends may ask udp/53 and speak SCTP; nobody else may anything.
    private const string Scenario = """
        host: box
        addresses: 10.0.0.1 fd00::1
        tags:
        namespace: /
        default: Reject
        failsafe-in:
        failsafe-out:
        failsafe-beats-reject: False
        policy:
        APIVersion: 1
        label: scenario
        data:
          externalnetworks:
            - {"name": "friends", "associatedTags": ["externalnetwork:name=friends"], "entries": ["10.9.0.0/16"]}
          networkrulesetpolicies:
            - {"name": "all", "subject": [["$identity=processingunit"]], "incomingRules": [{"action": "Allow", "object": [["externalnetwork:name=friends"]], "protocolPorts": ["udp/53", "sctp"]}]}
        steps:
        """;

    [KernelFact]
    public void A_datagram_whose_late_fragment_comes_first_is_judged_by_its_ports()
    {
        using var lab = new Lab();
        PacketStep first = Step($"up0 in udp {Friend} 1024 10.0.0.1 53 fragment=First id=1");
        Assert.Equal(DropReason.PortsUnknown, lab.Oracle.Judge(first with { Packet = first.Packet with { Fragment = FragmentPart.Later } }).Rulings[0].Reason);
        Assert.True(lab.Crosses(first, (packet, name) => [.. new WireBytes().Of(packet, name).Reverse()]));
        PacketStep denied = Step($"up0 in udp {Friend} 1024 10.0.0.1 54 fragment=First id=2");
        Assert.False(lab.Crosses(denied, (packet, name) => [.. new WireBytes().Of(packet, name).Reverse()]));
    }

    [KernelFact]
    public void What_conntrack_knows_no_association_of_answers_nothing()
    {
        using var lab = new Lab();
        PacketStep asks = Step($"up0 in 132 {Friend} 10.0.0.1");
        PacketStep answers = Step($"up0 out from=Host 132 10.0.0.1 {Friend}");
        Assert.True(lab.Oracle.Judge(asks).Passes);
        Assert.True(lab.Oracle.Judge(answers).Passes);
        Assert.True(lab.Crosses(asks));
        Assert.False(lab.Crosses(answers));
    }

    [KernelFact]
    public void What_the_host_sends_through_a_packet_socket_is_not_judged()
    {
        using var lab = new Lab();
        PacketStep denied = Step($"up0 out from=Host udp 10.0.0.1 1024 {Friend} 53");
        Assert.False(lab.Oracle.Judge(denied).Passes);
        Assert.False(lab.Crosses(denied));
        Assert.True(lab.IsSentUnjudged(denied));
    }

    [KernelFact]
    public void The_hosts_own_packets_are_known_by_their_source()
    {
        using var lab = new Lab();
        PacketStep foreign = Step($"up0 out from=Host udp 10.8.8.8 1024 {Friend} 53");
        Assert.False(lab.Oracle.Judge(foreign).Passes);
        Assert.True(lab.Crosses(foreign));
        PacketStep claimed = Step("up0 out from=OtherInterface udp fd00::1 1024 fd00::9 53");
        Assert.True(lab.Oracle.Judge(claimed).Passes);
        Assert.False(lab.Crosses(claimed));
    }

    private static PacketStep Step(string line) => (PacketStep)StepText.Read(line);

    private sealed class Lab : IDisposable
    {
        private readonly WireHost _host = new();
        private ushort _name;

        public Lab()
        {
            SequenceCase one = ScenarioText.Read(Scenario);
            var compiled = new CompiledCase(one.Versions);
            Oracle = new FlowOracle(compiled.Places, compiled.HostAddresses);
            Oracle.Enforce(new RuleBook(one.Versions[0]), Generation);
            _host.Begin(compiled);
            _host.Network.OnHost(() => _host.Enforce(compiled, 0));
        }

        public FlowOracle Oracle { get; }

        public bool Crosses(PacketStep step, Func<WirePacket, ushort, byte[][]>? bytes = null)
        {
            bytes ??= new WireBytes().Of;
            _name = WireShot.NameAfter(_name);
            return _host.Network.OnHost(() =>
            {
                WireDriver.StayOnThisProcessor();
                return _host.Driver.Cross([new WireShot(step, Zone, _name)], shot => bytes(shot.Step.Packet, shot.Name)).Contains(_name);
            });
        }

        /// <summary>Whether the packet goes out by its interface when it is sent as a frame.</summary>
        public bool IsSentUnjudged(PacketStep step)
        {
            using WireSocket world = _host.Network.InWorld(WireSocket.ForFrames);
            byte[] frame = WireBytes.Frame(new WireBytes().Of(step.Packet, WireShot.FirstName)[0], mark: 0);
            using WireSocket own = _host.Network.OnHost(WireSocket.ForFrames);
            own.SendFrame(_host.Network.HostLinks[step.Interface], frame);
            var buffer = new byte[2 * frame.Length];
            // What is sent by a veth is at its other end when the call returns, or soon after.
            return SpinWait.SpinUntil(() => world.Receive(buffer, out int link) == frame.Length && link == _host.Network.WorldLinks[step.Interface], TimeSpan.FromSeconds(10));
        }

        public void Dispose() => _host.Dispose();
    }
}
