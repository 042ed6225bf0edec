using System.Collections.Immutable;
using Datapath.Backends;
using Datapath.Flows;
using Datapath.KernelTests.Support;
using Datapath.Policy.Compilation;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>Sequences of packets through the shipped programs: replies pass, and only replies.</summary>
public sealed class FlowTests : IDisposable
{
    private const string Friend = "10.9.1.1";
    private const string Host = "10.0.0.1";
    private const string Web = "10.1.0.2";

    private readonly ProgramLab _lab = new();

    [KernelFact]
    public void The_answers_of_an_allowed_tcp_connection_pass_and_no_others()
    {
        _lab.Apply(Policies.Friends);
        Assert.False(Out(TcpHeader(80, 40000, Syn | Ack)));
        Assert.True(In(TcpHeader(40000, 80, Syn)));
        Assert.True(Out(TcpHeader(80, 40000, Syn | Ack)));
        Assert.True(In(TcpHeader(40000, 80, Ack)));
        Assert.True(Out(TcpHeader(80, 40000, Ack)));
        Assert.False(Out(TcpHeader(80, 40001, Ack)));
        Assert.False(Out(TcpHeader(81, 40000, Ack)));
        // A bare SYN would open a connection the other way.
        Assert.False(Out(TcpHeader(80, 40000, Syn)));
    }

    [KernelFact]
    public void The_answers_of_an_allowed_udp_flow_pass_and_no_others()
    {
        _lab.Apply(Policies.Friends);
        Assert.False(OutUdp(53, 40000));
        Assert.True(InUdp(40000, 53));
        Assert.True(OutUdp(53, 40000));
        Assert.False(OutUdp(53, 40001));
        Assert.True(OutUdp(50000, 123));
        Assert.True(InUdp(123, 50000));
        Assert.False(InUdp(123, 50001));
    }

    [KernelFact]
    public void The_reply_to_a_ping_passes_and_no_other()
    {
        _lab.Apply(Policies.Friends);
        Assert.False(Passes(false, Icmp, IcmpHeader(0, 0, id: 1)));
        Assert.True(Passes(true, Icmp, IcmpHeader(8, 0, id: 1)));
        Assert.True(Passes(false, Icmp, IcmpHeader(0, 0, id: 1)));
        Assert.False(Passes(false, Icmp, IcmpHeader(0, 0, id: 2)));
        Assert.False(Passes(false, Icmp, IcmpHeader(8, 0, id: 3)));
    }

    [KernelFact]
    public void Icmp_without_an_identifier_is_judged_by_its_own_direction_alone()
    {
        _lab.Apply(Policies.Friends.Replace("icmp/8,", "icmp/13, icmp/8,", StringComparison.Ordinal));
        Assert.True(Passes(true, Icmp, IcmpHeader(13, 0)));
        Assert.False(Passes(false, Icmp, IcmpHeader(14, 0)));
        Assert.False(Passes(false, Icmp, IcmpHeader(13, 0)));
        Assert.True(Passes(true, Icmp, IcmpHeader(13, 0)));
        Assert.Single(_lab.TakeEvents(), one => one.Verdict == Verdict.Allow);
    }

    [KernelFact]
    public void A_revoked_rule_cuts_the_flow_in_both_directions()
    {
        _lab.Apply(Policies.Friends);
        Assert.True(In(TcpHeader(40000, 80, Syn)));
        Assert.True(Out(TcpHeader(80, 40000, Syn | Ack)));
        Assert.True(InUdp(40000, 53));
        _lab.Apply(Policies.NothingIncoming);
        Assert.False(In(TcpHeader(40000, 80, Ack)));
        Assert.False(Out(TcpHeader(80, 40000, Ack)));
        Assert.False(InUdp(40000, 53));
        Assert.False(OutUdp(53, 40000));
        Assert.Contains(_lab.TakeEvents(), one => one.Reason == DropReason.Revoked && one.Direction == Direction.Outgoing);
        Assert.Contains(_lab.Backend.ReadCounters().Drops, one => one.Key == DropReason.Revoked);
    }

    [KernelFact]
    public void Revoking_the_reverse_rule_cuts_nothing()
    {
        _lab.Apply(Policies.Friends);
        Assert.True(In(TcpHeader(40000, 80, Syn)));
        Assert.True(InUdp(40000, 53));
        Assert.True(Passes(true, Icmp, IcmpHeader(8, 0, id: 1)));
        _lab.Apply(Policies.NothingOutgoing);
        Assert.True(Out(TcpHeader(80, 40000, Syn | Ack)));
        Assert.True(OutUdp(53, 40000));
        Assert.True(Passes(false, Icmp, IcmpHeader(0, 0, id: 1)));
    }

    [KernelFact]
    public void The_other_side_may_open_on_the_ports_of_a_revoked_flow()
    {
        const ushort Both = 123;
        string both = Policies.Friends.Replace("tcp/80, udp/53", $"tcp/{Both}, udp/{Both}", StringComparison.Ordinal)
            .Replace("tcp/443", $"tcp/{Both}", StringComparison.Ordinal);
        _lab.Apply(both);
        Assert.True(In(TcpHeader(Both, Both, Syn)));
        _lab.Apply(Policies.NothingIncoming.Replace("tcp/443", $"tcp/{Both}", StringComparison.Ordinal));
        Assert.False(In(TcpHeader(Both, Both, Ack)));
        Assert.True(Out(TcpHeader(Both, Both, Syn)));
        Assert.True(In(TcpHeader(Both, Both, Syn | Ack)));
    }

    [KernelFact]
    public async Task What_passes_by_its_own_right_does_not_keep_a_revoked_flow_alive()
    {
        const ushort Ntp = 123;
        _lab.Apply(Policies.Friends.Replace("udp/53", "udp/123", StringComparison.Ordinal));
        Assert.True(InUdp(Ntp, Ntp));
        ulong opened = SeenOfTheFlow();
        await TheNextSecondAsync();
        Assert.True(OutUdp(Ntp, Ntp));
        ulong answered = SeenOfTheFlow();
        Assert.True(answered > opened, "an answer did not keep the flow");
        _lab.Apply(Policies.NothingIncoming);
        await TheNextSecondAsync();
        Assert.False(InUdp(Ntp, Ntp));
        Assert.True(OutUdp(Ntp, Ntp));
        Assert.Equal(answered, SeenOfTheFlow());
    }

    [KernelFact]
    public void Flows_live_through_a_restart_of_the_agent_and_through_unrelated_changes()
    {
        _lab.Apply(Policies.Friends);
        Assert.True(In(TcpHeader(40000, 80, Syn)));
        Assert.True(InUdp(40000, 53));
        uint generation = _lab.Restart();
        Assert.Equal(1u, generation);
        Assert.True(OutUdp(53, 40000));
        Assert.True(_lab.Apply(Policies.Friends.Replace("10.9.9.0/24", "10.9.8.0/24", StringComparison.Ordinal)).Changed);
        Assert.True(OutUdp(53, 40000));
        Assert.True(Out(TcpHeader(80, 40000, Syn | Ack)));
    }

    [KernelFact]
    public void A_connection_that_was_reset_admits_nothing_after_ten_seconds_of_kernel_time()
    {
        _lab.Apply(Policies.Friends);
        Assert.True(In(TcpHeader(40000, 80, Syn)));
        Assert.True(In(TcpHeader(40000, 80, Rst)));
        // Its last words may still be on the way.
        Assert.True(Out(TcpHeader(80, 40000, Ack)));
        // A new SYN on the same ports is a new connection.
        Assert.True(In(TcpHeader(40000, 80, Syn)));
        Assert.Equal(2, _lab.TakeEvents().Count(one => one.Verdict == Verdict.Allow));
    }

    [KernelFact]
    public void Each_new_flow_is_reported_once_with_its_rule()
    {
        _lab.Apply(Policies.Friends);
        In(TcpHeader(40000, 80, Syn));
        In(TcpHeader(40000, 80, Syn));
        Out(TcpHeader(80, 40000, Syn | Ack));
        In(TcpHeader(40000, 80, Ack));
        InUdp(40000, 53);
        InUdp(40000, 53);
        OutUdp(53, 40000);
        ImmutableArray<FlowEvent> events = _lab.TakeEvents();
        Assert.Equal(2, events.Length);
        Assert.All(events, one => Assert.Equal("everyone 1", _lab.RuleName(one.RuleIndex)));
        Assert.All(events, one => Assert.Equal("10.9.1.1", one.Source.ToString()));
        Assert.All(events, one => Assert.Equal(40000, one.SourcePort));
        Assert.All(events, one => Assert.InRange(one.Time, DateTimeOffset.UnixEpoch.AddYears(50), TimeProvider.System.GetUtcNow().AddSeconds(1)));
    }

    [KernelFact]
    public void A_pod_is_judged_with_swapped_directions_and_the_host_at_the_other_end()
    {
        _lab.Apply(Policies.Friends);
        // Towards the pod, forwarded: only the pod judges.
        Assert.True(_lab.Passes("web0", ingress: false, Ethernet(IPv4(Friend, Web, Tcp, TcpHeader(1, 80, Syn))), forwarded: true));
        Assert.Equal(2, Assert.Single(_lab.TakeEvents()).Unit);
        // From the pod to a friend.
        Assert.True(_lab.Passes("web0", ingress: true, Ethernet(IPv4(Web, Friend, Tcp, TcpHeader(1, 443, Syn)))));
        Assert.Equal(Direction.Outgoing, Assert.Single(_lab.TakeEvents()).Direction);
        // From the host to the pod: the host's outgoing rules come first, and reject.
        Assert.False(_lab.Passes("web0", ingress: false, Ethernet(IPv4(Host, Web, Tcp, TcpHeader(1, 80, Syn)))));
        Assert.Equal(LocalUnit.HostNumber, Assert.Single(_lab.TakeEvents()).Unit);
    }

    [KernelFact]
    public void A_pod_and_the_host_both_have_to_agree()
    {
        const string Agreed = """
                  incomingRules:
                    - action: Allow
                      object: [["app=web"]]
                      protocolPorts: [tcp/80]
                  outgoingRules:
                    - action: Allow
                      object: [["$type=Host"]]
                      protocolPorts: [tcp/80]

            """;
        _lab.Apply(Policies.Enforcing(Agreed));
        Assert.True(_lab.Passes("web0", ingress: true, Ethernet(IPv4(Web, Host, Tcp, TcpHeader(1, 80, Syn)))));
        ImmutableArray<FlowEvent> events = _lab.TakeEvents();
        Assert.Equal([2, LocalUnit.HostNumber], events.Select(one => one.Unit));
        Assert.Equal([Direction.Outgoing, Direction.Incoming], events.Select(one => one.Direction));
        // The answer crosses both judges too.
        Assert.True(_lab.Passes("web0", ingress: false, Ethernet(IPv4(Host, Web, Tcp, TcpHeader(80, 1, Syn | Ack)))));
        Assert.False(_lab.Passes("web0", ingress: true, Ethernet(IPv4(Web, Host, Tcp, TcpHeader(1, 81, Syn)))));
    }

    [KernelFact]
    public void A_host_that_a_profile_exempts_is_not_asked_what_a_pod_and_it_say()
    {
        const string Agreed = """
                  incomingRules:
                    - action: Allow
                      object: [["$type=Host"]]
                      protocolPorts: [tcp/80]
                  outgoingRules:
                    - action: Allow
                      object: [["$type=Host"]]
                      protocolPorts: [tcp/80]

            """;
        byte[] toHost = Ethernet(IPv4(Web, Host, Tcp, TcpHeader(1, 80, Syn)));
        byte[] toPod = Ethernet(IPv4(Host, Web, Tcp, TcpHeader(2, 80, Syn)));
        _lab.Apply(Policies.Enforcing(Agreed));
        Assert.False(_lab.Passes("web0", ingress: true, toHost));
        Assert.False(_lab.Passes("web0", ingress: false, toPod));
        _lab.Apply(Policies.Enforcing(Agreed) + Policies.HostIgnored);
        _lab.TakeEvents();
        Assert.True(_lab.Passes("web0", ingress: true, toHost));
        Assert.True(_lab.Passes("web0", ingress: false, toPod));
        // The pod is asked all the same.
        Assert.False(_lab.Passes("web0", ingress: true, Ethernet(IPv4(Web, Host, Tcp, TcpHeader(1, 81, Syn)))));
        Assert.False(_lab.Passes("web0", ingress: false, Ethernet(IPv4(Host, Web, Tcp, TcpHeader(2, 81, Syn)))));
        Assert.DoesNotContain(_lab.TakeEvents(), one => one.Unit == LocalUnit.HostNumber);
    }

    [KernelFact]
    public void A_rule_that_only_observes_is_named_beside_the_one_that_decides()
    {
        const string Observed = """
                  incomingRules:
                    - action: Reject
                      observationEnabled: true
                      object: [["externalnetwork:name=friends"]]
                      protocolPorts: [tcp/80]
                    - action: Allow
                      object: [["externalnetwork:name=friends"]]
                      protocolPorts: [tcp/80, udp/53]

            """;
        _lab.Apply(Policies.Enforcing(Observed));
        Assert.True(In(TcpHeader(40000, 80, Syn)));
        FlowEvent one = Assert.Single(_lab.TakeEvents());
        Assert.Equal("everyone 2", _lab.RuleName(one.RuleIndex));
        Assert.Equal("everyone 1", _lab.RuleName(one.ObservedRuleIndex));
        Assert.Equal(Verdict.Reject, one.ObservedVerdict);
        Assert.True(InUdp(40000, 53));
        Assert.Equal(0, Assert.Single(_lab.TakeEvents()).ObservedRuleIndex);
    }

    [KernelFact]
    public void A_rule_with_logs_disabled_is_counted_and_not_reported()
    {
        _lab.Apply(Policies.Friends.Replace("action: Allow", "action: Allow\n          logsDisabled: true", StringComparison.Ordinal));
        Assert.True(In(TcpHeader(40000, 80, Syn)));
        Assert.False(In(TcpHeader(40000, 81, Syn)));
        FlowEvent drop = Assert.Single(_lab.TakeEvents());
        Assert.Equal(Verdict.Reject, drop.Verdict);
        Assert.Equal(2, _lab.Backend.ReadCounters().Rules.Values.Sum(count => count.Packets));
    }

    [KernelFact]
    public void Counters_that_are_zeroed_are_zero_on_every_cpu_and_the_others_stay()
    {
        _lab.Apply(Policies.Friends);
        Assert.True(In(TcpHeader(40000, 80, Syn)));
        Assert.False(In(TcpHeader(40000, 81, Syn)));
        int[] rules = [.. _lab.Backend.ReadCounters().Rules.Keys.Order()];
        Assert.Equal(2, rules.Length);
        _lab.Backend.ZeroCounters([rules[0], 1_000_000]);
        Assert.Equal([rules[1]], _lab.Backend.ReadCounters().Rules.Keys);
    }

    [KernelFact]
    public void The_same_policy_again_changes_nothing()
    {
        Assert.True(_lab.Apply(Policies.Friends).Changed);
        Assert.False(_lab.Apply(Policies.Friends).Changed);
        Assert.Equal(1u, _lab.Apply(Policies.Friends).Generation);
        Assert.Equal(2u, _lab.Apply(Policies.Discovery).Generation);
    }

    [KernelFact]
    public void Drops_beyond_the_rate_of_events_are_counted_not_sent()
    {
        using var slow = new ProgramLab(options => options with { EventsPerSecond = 10 });
        slow.Apply(Policies.Friends);
        const int Drops = 500;
        for (int i = 0; i < Drops; i++)
        {
            Assert.False(slow.Passes("up0", ingress: true, Ethernet(IPv4(Friend, Host, Tcp, TcpHeader(40000, 81, Syn)))));
        }

        BackendCounters counters = slow.Backend.ReadCounters();
        long suppressed = counters.Statistics["events_suppressed"];
        Assert.Equal(Drops, counters.Drops[DropReason.Policy].Packets);
        Assert.Equal(Drops, slow.TakeEvents().Length + suppressed);
        Assert.True(suppressed > 0, "nothing was held back");
    }

    /// <inheritdoc/>
    public void Dispose() => _lab.Dispose();

    /// <summary>When the one flow there is was last seen, in jiffies.</summary>
    private ulong SeenOfTheFlow()
    {
        using FlowTables flows = _lab.OpenFlows();
        return Assert.Single(flows.Seen);
    }

    /// <summary>Last-seen is written once a second at most.</summary>
    private static Task TheNextSecondAsync() => Task.Delay(TimeSpan.FromSeconds(1.2), TestContext.Current.CancellationToken);

    private bool In(byte[] tcp) => Passes(true, Tcp, tcp);

    private bool Out(byte[] tcp) => Passes(false, Tcp, tcp);

    private bool InUdp(ushort source, ushort destination) => Passes(true, Udp, UdpHeader(source, destination));

    private bool OutUdp(ushort source, ushort destination) => Passes(false, Udp, UdpHeader(source, destination));

    private bool Passes(bool incoming, byte protocol, byte[] payload) =>
        _lab.Passes("up0", incoming, Ethernet(incoming ? IPv4(Friend, Host, protocol, payload) : IPv4(Host, Friend, protocol, payload)));
}
