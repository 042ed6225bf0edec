using System.Collections.Immutable;
using Datapath.Flows;
using Datapath.KernelTests.Support;
using Datapath.Policy.Compilation;
using Datapath.Shared.Oracle;
using Datapath.Shared.Sequences;
using Xunit;

namespace Datapath.KernelTests.Wire;

/// <summary>Where decision 0020 accepts that iptables drops the same packets and gives another reason or another judge.</summary>
public sealed class DifferentReasonTests
{
    private const string Units = """
        APIVersion: 1
        label: scenario
        data:
          externalnetworks:
            - {"name": "friends", "associatedTags": ["externalnetwork:name=friends"], "entries": ["10.9.0.0/16"]}
          processingunits:
            - {"name": "web", "associatedTags": ["app=web"], "addresses": ["10.1.0.2"], "attach": {"interface": "if0"}}
          networkrulesetpolicies:
        """;

    // 0: web may ask the host, the host may speak to web, friends may send the host router solicitations.
    private const string HostOpens = """
            - {"name": "host", "subject": [["$type=Host"]], "incomingRules": [{"action": "Allow", "object": [["externalnetwork:name=friends"]], "protocolPorts": ["icmp/10"]}, {"action": "Allow", "object": [["app=web"]], "protocolPorts": ["udp/99"]}], "outgoingRules": [{"action": "Allow", "object": [["app=web"]], "protocolPorts": ["tcp/80"]}]}
            - {"name": "web", "subject": [["app=web"]], "incomingRules": [{"action": "Allow", "object": [["$type=Host"]], "protocolPorts": ["tcp/80"]}], "outgoingRules": [{"action": "Allow", "object": [["$type=Host"]], "protocolPorts": ["udp/99"]}]}
        """;

    // 1: web may neither ask nor be spoken to any more, and friends may nothing.
    private const string WebIsCut = """
            - {"name": "host", "subject": [["$type=Host"]], "incomingRules": [{"action": "Allow", "object": [["app=web"]], "protocolPorts": ["udp/99"]}], "outgoingRules": [{"action": "Allow", "object": [["app=web"]], "protocolPorts": ["tcp/80"]}]}
        """;

    // 2: friends and the host may open one TCP connection each, by the same ports.
    private const string BothWays = """
            - {"name": "host", "subject": [["$type=Host"]], "incomingRules": [{"action": "Allow", "object": [["externalnetwork:name=friends"]], "protocolPorts": ["tcp/80"]}], "outgoingRules": [{"action": "Allow", "object": [["externalnetwork:name=friends"]], "protocolPorts": ["tcp/1024"]}]}
        """;

    private const string Head = """
        host: box
        addresses: 10.0.0.1 fd00::1
        tags:
        namespace: /
        default: Reject
        failsafe-in:
        failsafe-out:
        failsafe-beats-reject: False
        """;

    private const string Scenario = $"{Head}\npolicy:\n{Units}\n{HostOpens}\npolicy:\n{Units}\n{WebIsCut}\npolicy:\n{Units}\n{BothWays}\nsteps:\n";

    [KernelFact]
    public void ICMP_that_conntrack_does_not_track_is_denied_and_never_revoked()
    {
        using var lab = new DifferenceLab(Scenario);
        PacketStep solicits = Step("up0 in icmp 10.9.0.1 10.0.0.1 kind=2560");
        Outcome opened = lab.Oracle.Judge(solicits);
        Assert.True(opened.Passes && opened.Rulings[0].IsNewFlow);
        Assert.True(lab.Crosses(solicits));
        Assert.Empty(lab.Events(0));

        lab.Enforce(1);
        Assert.Equal([DropReason.Revoked], lab.Oracle.Judge(solicits).Rulings.Select(one => one.Reason));
        Assert.False(lab.Crosses(solicits));
        Assert.Equal([(LocalUnit.HostNumber, DropReason.Policy)], lab.Events(1).Select(one => (one.Unit, one.Reason)));
    }

    [KernelFact]
    public void An_error_about_a_flow_that_another_judge_has_revoked_ends_at_the_first()
    {
        using var lab = new DifferenceLab(Scenario);
        PacketStep asks = Step("if0 in udp 10.1.0.2 1024 10.0.0.1 99");
        PacketStep error = Step("if0 out from=Host icmp 10.0.0.1 10.1.0.2 kind=771 about udp 10.1.0.2 1024 10.0.0.1 99");
        Assert.True(lab.Oracle.Judge(asks).Passes);
        Assert.True(lab.Crosses(asks));
        Assert.True(lab.Oracle.Judge(error).Passes);
        Assert.True(lab.Crosses(error));

        lab.Enforce(1);
        // To the oracle the host lets it pass, and web does not.
        Ruling[] rulings = [.. lab.Oracle.Judge(error).Rulings];
        Assert.Equal([DropReason.None, DropReason.Policy], rulings.Select(one => one.Reason));
        Assert.False(lab.Crosses(error));
        Assert.Equal([LocalUnit.HostNumber], lab.Events(1).Select(one => one.Unit));
    }

    [KernelFact]
    public void What_the_first_judge_lets_a_SYN_open_in_the_middle_of_a_connection_is_revoked_to_the_second()
    {
        using var lab = new DifferenceLab(Scenario);
        PacketStep goesOn = Step("if0 out from=Host tcp 10.0.0.1 1024 10.1.0.2 80 flags=Ack");
        PacketStep opens = Step("if0 out from=Host tcp 10.0.0.1 1024 10.1.0.2 80 flags=Syn");
        Assert.True(lab.Oracle.Judge(goesOn).Passes);
        Assert.True(lab.Crosses(goesOn));

        lab.Enforce(1);
        Assert.Equal([DropReason.None, DropReason.Policy], lab.Oracle.Judge(opens).Rulings.Select(one => one.Reason));
        Assert.False(lab.Crosses(opens));
        ImmutableArray<FlowEvent> events = lab.Events(2);
        Assert.Equal([(LocalUnit.HostNumber, DropReason.None), (events[^1].Unit, DropReason.Revoked)], events.Select(one => (one.Unit, one.Reason)));
        Assert.NotEqual(LocalUnit.HostNumber, events[^1].Unit);

        // The mark of the connection stays. Whoever knows no flow would name the rules of each packet's own direction.
        PacketStep answers = Step("if0 in tcp 10.1.0.2 80 10.0.0.1 1024 flags=Ack");
        Assert.All(
            [(goesOn, Direction.Incoming, Direction.Incoming), (answers, Direction.Outgoing, Direction.Incoming)],
            one =>
            {
                Ruling denies = lab.Oracle.Judge(one.Item1).Rulings[^1];
                Assert.Equal((DropReason.Policy, "of no flow", one.Item2), (denies.Reason, denies.Why, denies.By!.Rule.Direction));
                Assert.False(lab.Crosses(one.Item1));
                FlowEvent told = Assert.Single(lab.Events(1));
                Assert.Equal((DropReason.Revoked, one.Item3), (told.Reason, lab.Rule(1, told.RuleIndex).Direction));
            }
        );
    }

    [KernelTheory]
    // One that conntrack does not expect, and one that leaves the other side to close.
    [InlineData("Syn", "Fin+Ack")]
    [InlineData("Ack", "Syn", "Fin+Ack")]
    public void A_SYN_after_a_FIN_belongs_to_the_connection_before_as_long_as_conntrack_has_it(params string[] flags)
    {
        using var lab = new DifferenceLab(Scenario);
        PacketStep opens = Step("if0 out from=Host tcp 10.0.0.1 1024 10.1.0.2 80 flags=Syn");
        PacketStep[] steps = [.. flags.Select(one => Step($"if0 out from=Host tcp 10.0.0.1 1024 10.1.0.2 80 flags={one}"))];
        Assert.All(steps, step => Assert.True(lab.Oracle.Judge(step).Passes));
        Assert.All(steps, step => Assert.True(lab.Crosses(step)));
        Assert.All(lab.Events(2), one => Assert.Equal(DropReason.None, one.Reason));

        lab.Enforce(1);
        Assert.Equal([("opens again", DropReason.None), (FlowOracle.SynAfterEnd, DropReason.Policy)], lab.Oracle.Judge(opens).Rulings.Select(one => (one.Why, one.Reason)));
        Assert.False(lab.Crosses(opens));
        Assert.Equal(DropReason.Revoked, lab.Events(1)[^1].Reason);
    }

    [KernelFact]
    public void A_SYN_that_conntrack_ignored_after_both_FINs_opened_nothing_that_could_be_revoked()
    {
        using var lab = new DifferenceLab(Scenario);
        lab.Enforce(2);
        PacketStep opens = Step("up0 in tcp 10.9.0.1 1024 10.0.0.1 80 flags=Syn");
        PacketStep[] steps =
        [
            Step("up0 in tcp 10.9.0.1 1024 10.0.0.1 80 flags=Ack"),
            Step("up0 in tcp 10.9.0.1 1024 10.0.0.1 80 flags=Fin+Ack"),
            Step("up0 out from=Host tcp 10.0.0.1 80 10.9.0.1 1024 flags=Fin+Ack"),
            opens,
            Step("up0 in tcp 10.9.0.1 1024 10.0.0.1 80 flags=Ack"),
        ];
        Assert.All(steps, step => Assert.True(lab.Oracle.Judge(step).Passes));
        Assert.All(steps, step => Assert.True(lab.Crosses(step)));
        _ = lab.Events(1);

        lab.Enforce(1);
        Assert.Equal([DropReason.Revoked], lab.Oracle.Judge(opens).Rulings.Select(one => one.Reason));
        Assert.False(lab.Crosses(opens));
        Assert.Equal([DropReason.Policy], lab.Events(1).Select(one => one.Reason));
    }

    private static PacketStep Step(string line) => (PacketStep)StepText.Read(line);
}
