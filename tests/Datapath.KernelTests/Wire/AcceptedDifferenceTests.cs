using Datapath.Flows;
using Datapath.KernelTests.Support;
using Datapath.Shared.Sequences;
using Xunit;

namespace Datapath.KernelTests.Wire;

/// <summary>What decision 0020 accepts is exactly so: the oracle says one thing, and iptables another.</summary>
public sealed class AcceptedDifferenceTests
{
    private const string Friend = "10.9.0.1";

    // Friends may ask some things of the host, and nobody else may anything; the host may speak to web, which hears nobody. Then the host may call
    // what it could not. At last web hears the host, and says nothing of its own.
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
          processingunits:
            - {"name": "web", "associatedTags": ["app=web"], "addresses": ["10.1.0.2"], "attach": {"interface": "if0"}}
          networkrulesetpolicies:
            - {"name": "host", "subject": [["$type=Host"]], "incomingRules": [{"action": "Allow", "object": [["externalnetwork:name=friends"]], "protocolPorts": ["udp/53", "tcp/80", "sctp", "icmp/0", "icmp/8"]}], "outgoingRules": [{"action": "Allow", "object": [["app=web"]]}]}
            - {"name": "web", "subject": [["app=web"]], "outgoingRules": [{"action": "Allow", "object": [["$type=Host"]]}]}
        policy:
        APIVersion: 1
        label: scenario
        data:
          externalnetworks:
            - {"name": "friends", "associatedTags": ["externalnetwork:name=friends"], "entries": ["10.9.0.0/16"]}
          networkrulesetpolicies:
            - {"name": "host", "subject": [["$type=Host"]], "outgoingRules": [{"action": "Allow", "object": [["externalnetwork:name=friends"]], "protocolPorts": ["tcp/1024"]}]}
        policy:
        APIVersion: 1
        label: scenario
        data:
          processingunits:
            - {"name": "web", "associatedTags": ["app=web"], "addresses": ["10.1.0.2"], "attach": {"interface": "if0"}}
          networkrulesetpolicies:
            - {"name": "host", "subject": [["$type=Host"]], "outgoingRules": [{"action": "Allow", "object": [["app=web"]]}]}
            - {"name": "web", "subject": [["app=web"]], "incomingRules": [{"action": "Allow", "object": [["$type=Host"]]}]}
        steps:
        """;

    [KernelFact]
    public void A_datagram_whose_late_fragment_comes_first_is_judged_by_its_ports()
    {
        using var lab = new DifferenceLab(Scenario);
        PacketStep first = Step($"up0 in udp {Friend} 1024 10.0.0.1 53 fragment=First id=1");
        Assert.Equal(DropReason.PortsUnknown, lab.Oracle.Judge(first with { Packet = first.Packet with { Fragment = FragmentPart.Later } }).Rulings[0].Reason);
        Assert.True(lab.Crosses(first, (packet, name) => [.. new WireBytes().Of(packet, name).Reverse()]));
        PacketStep denied = Step($"up0 in udp {Friend} 1024 10.0.0.1 54 fragment=First id=2");
        Assert.False(lab.Crosses(denied, (packet, name) => [.. new WireBytes().Of(packet, name).Reverse()]));
    }

    [KernelFact]
    public void What_conntrack_knows_no_association_of_answers_nothing()
    {
        using var lab = new DifferenceLab(Scenario);
        PacketStep asks = Step($"up0 in 132 {Friend} 10.0.0.1");
        PacketStep answers = Step($"up0 out from=Host 132 10.0.0.1 {Friend}");
        Assert.True(lab.Oracle.Judge(asks).Passes);
        Assert.True(lab.Oracle.Judge(answers).Passes);
        Assert.True(lab.Crosses(asks));
        Assert.False(lab.Crosses(answers));
    }

    [KernelTheory]
    // Nobody asked for this reply: to conntrack it is invalid, and begins nothing that a request could answer.
    [InlineData("up0 in icmp 10.9.0.1 10.0.0.1 kind=0 echo=7", "up0 out from=Host icmp 10.0.0.1 10.9.0.1 kind=2048 echo=7")]
    // Two pings that cross are two connections.
    [InlineData("up0 in icmp 10.9.0.1 10.0.0.1 kind=2048 echo=7", "up0 out from=Host icmp 10.0.0.1 10.9.0.1 kind=2048 echo=7")]
    // An unanswered SYN is not answered by FIN.
    [InlineData("up0 in tcp 10.9.0.1 1024 10.0.0.1 80 flags=Syn", "up0 out from=Host tcp 10.0.0.1 80 10.9.0.1 1024 flags=Fin+Ack")]
    // RST as the first answer ends the connection at once, and what comes after it begins one in the middle.
    [InlineData(
        "up0 in tcp 10.9.0.1 1024 10.0.0.1 80 flags=Syn",
        "up0 out from=Host tcp 10.0.0.1 80 10.9.0.1 1024 flags=Rst+Ack",
        "up0 in tcp 10.9.0.1 1024 10.0.0.1 80 flags=Ack",
        "up0 out from=Host tcp 10.0.0.1 80 10.9.0.1 1024 flags=Syn+Ack"
    )]
    public void What_conntrack_holds_for_no_answer_is_none(params string[] lines)
    {
        using var lab = new DifferenceLab(Scenario);
        PacketStep[] steps = [.. lines.Select(Step)];
        Assert.All(steps, step => Assert.True(lab.Oracle.Judge(step).Passes));
        Assert.All(steps[..^1], step => Assert.True(lab.Crosses(step)));
        Assert.False(lab.Crosses(steps[^1]));
    }

    [KernelFact]
    public void What_one_judge_lets_open_and_another_drops_never_was_opened()
    {
        using var lab = new DifferenceLab(Scenario);
        PacketStep asks = Step("if0 out from=Host udp 10.0.0.1 1024 10.1.0.2 53");
        PacketStep answers = Step("if0 in udp 10.1.0.2 53 10.0.0.1 1024");
        PacketStep error = Step("if0 in icmp 10.1.0.2 10.0.0.1 kind=771 about udp 10.0.0.1 1024 10.1.0.2 53");
        Assert.False(lab.Oracle.Judge(asks).Passes);
        Assert.All([answers, error], step => Assert.True(lab.Oracle.Judge(step).Passes));
        Assert.False(lab.Crosses(asks));
        Assert.All([answers, error], step => Assert.False(lab.Crosses(step)));
    }

    [KernelFact]
    public void A_SYN_opens_nothing_where_the_other_side_is_in_the_middle_of_a_connection()
    {
        using var lab = new DifferenceLab(Scenario);
        lab.Enforce(1);
        PacketStep goesOn = Step("up0 out from=Host tcp 10.0.0.1 80 10.9.0.1 1024 flags=Ack");
        PacketStep opens = Step("up0 in tcp 10.9.0.1 1024 10.0.0.1 80 flags=Syn");
        PacketStep answers = Step("up0 out from=Host tcp 10.0.0.1 80 10.9.0.1 1024 flags=Syn+Ack");
        Assert.True(lab.Oracle.Judge(goesOn).Passes);
        Assert.True(lab.Crosses(goesOn));
        lab.Enforce(0);
        Assert.All([opens, answers], step => Assert.True(lab.Oracle.Judge(step).Passes));
        Assert.True(lab.Crosses(opens));
        Assert.False(lab.Crosses(answers));
    }

    [KernelFact]
    public void A_SYN_opens_a_connection_that_its_own_side_is_in_the_middle_of()
    {
        using var lab = new DifferenceLab(Scenario);
        PacketStep goesOn = Step("up0 in tcp 10.9.0.1 1024 10.0.0.1 80 flags=Ack");
        PacketStep answers = Step("up0 out from=Host tcp 10.0.0.1 80 10.9.0.1 1024 flags=Ack");
        PacketStep opens = Step("up0 in tcp 10.9.0.1 1024 10.0.0.1 80 flags=Syn");
        Assert.All(
            [(goesOn, true), (answers, false), (opens, true), (answers, true)],
            one =>
            {
                Assert.Equal(one.Item2, lab.Oracle.Judge(one.Item1).Passes);
                Assert.Equal(one.Item2, lab.Crosses(one.Item1));
            }
        );
    }

    [KernelFact]
    public void What_one_judge_alone_lets_a_SYN_open_in_the_middle_of_a_connection_is_open_to_the_other()
    {
        using var lab = new DifferenceLab(Scenario);
        PacketStep goesOn = Step("if0 out from=Host tcp 10.0.0.1 1024 10.1.0.2 80 flags=Ack");
        PacketStep opens = Step("if0 out from=Host tcp 10.0.0.1 1024 10.1.0.2 80 flags=Syn");
        PacketStep answers = Step("if0 in tcp 10.1.0.2 80 10.0.0.1 1024 flags=Ack");
        lab.Enforce(2);
        Assert.True(lab.Oracle.Judge(goesOn).Passes);
        Assert.True(lab.Crosses(goesOn));
        // Before the SYN it answers nobody.
        Assert.False(lab.Oracle.Judge(answers).Passes);
        Assert.False(lab.Crosses(answers));
        lab.Enforce(0);
        Assert.False(lab.Oracle.Judge(opens).Passes);
        Assert.False(lab.Crosses(opens));
        lab.Enforce(2);
        Assert.False(lab.Oracle.Judge(answers).Passes);
        Assert.True(lab.Crosses(answers));
    }

    [KernelFact]
    public void What_the_host_sends_through_a_packet_socket_is_not_judged()
    {
        using var lab = new DifferenceLab(Scenario);
        PacketStep denied = Step($"up0 out from=Host udp 10.0.0.1 1024 {Friend} 53");
        Assert.False(lab.Oracle.Judge(denied).Passes);
        Assert.False(lab.Crosses(denied));
        Assert.True(lab.IsSentUnjudged(denied));
    }

    [KernelFact]
    public void The_hosts_own_packets_are_known_by_their_source()
    {
        using var lab = new DifferenceLab(Scenario);
        PacketStep foreign = Step($"up0 out from=Host udp 10.8.8.8 1024 {Friend} 53");
        Assert.False(lab.Oracle.Judge(foreign).Passes);
        Assert.True(lab.Crosses(foreign));
        PacketStep claimed = Step("up0 out from=OtherInterface udp fd00::1 1024 fd00::9 53");
        Assert.True(lab.Oracle.Judge(claimed).Passes);
        Assert.False(lab.Crosses(claimed));
    }

    private static PacketStep Step(string line) => (PacketStep)StepText.Read(line);
}
