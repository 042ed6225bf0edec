using Datapath.Backends;
using Datapath.Flows;
using Datapath.KernelTests.Support;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>Packets are counted by where they were judged and what became of them.</summary>
public sealed class VerdictCountTests : IDisposable
{
    private const string Friend = "10.9.1.1";
    private const string Host = "10.0.0.1";
    private const string Web = "10.1.0.2";

    private readonly ProgramLab _lab = new();

    [KernelFact]
    public void Each_packet_is_counted_where_it_was_judged()
    {
        _lab.Apply(Policies.Friends);
        byte[] syn = Ethernet(IPv4(Friend, Host, Tcp, TcpHeader(40000, 80, Syn)));
        Assert.True(_lab.Passes("up0", ingress: true, syn));
        Assert.True(_lab.Passes("up0", ingress: false, Ethernet(IPv4(Host, Friend, Tcp, TcpHeader(80, 40000, Syn | Ack)))));
        // Thrice the same: by policy, then by its digest.
        for (int i = 0; i < 3; i++)
        {
            Assert.True(_lab.Passes("up0", ingress: true, Ethernet(IPv4(Friend, Host, Tcp, TcpHeader(40000, 80, Ack)))));
        }

        Assert.False(_lab.Passes("up0", ingress: true, Ethernet(IPv4(Friend, Host, Tcp, TcpHeader(40000, 81, Syn)))));
        Assert.False(_lab.Passes("web0", ingress: true, Ethernet(IPv4(Web, Friend, Tcp, TcpHeader(40000, 81, Syn)))));
        Assert.True(_lab.Passes("web0", ingress: true, Ethernet(IPv4(Web, Friend, Tcp, TcpHeader(40000, 443, Syn)))));

        Assert.Equal(
            [
                "tc-egress Outgoing None 1",
                "tc-ingress Incoming None 4",
                "tc-ingress Incoming Policy 1",
                "tc-ingress Outgoing None 1",
                "tc-ingress Outgoing Policy 1",
            ],
            Lines()
        );
        BackendCounters counters = _lab.Backend.ReadCounters();
        Assert.Equal(counters.Rules.Values.Sum(one => one.Packets), counters.Verdicts.Sum(one => one.Count.Packets));
        Assert.Equal(counters.Rules.Values.Sum(one => one.Bytes), counters.Verdicts.Sum(one => one.Count.Bytes));
        Assert.Equal(2, counters.Drops[DropReason.Policy].Packets);
        Assert.Equal(2, counters.Statistics["flow_inserted"]);
    }

    [KernelFact]
    public void A_policy_that_takes_a_rule_away_counts_what_it_cuts_by_that_reason()
    {
        _lab.Apply(Policies.Friends);
        Assert.True(_lab.Passes("up0", ingress: true, Ethernet(IPv4(Friend, Host, Tcp, TcpHeader(40000, 80, Syn)))));
        _lab.Apply(Policies.NothingIncoming);
        Assert.False(_lab.Passes("up0", ingress: false, Ethernet(IPv4(Host, Friend, Tcp, TcpHeader(80, 40000, Syn | Ack)))));
        Assert.Equal(["tc-egress Outgoing Revoked 1", "tc-ingress Incoming None 1"], Lines());
    }

    [KernelFact]
    public void Drops_go_on_being_counted_under_another_agent_and_passes_begin_anew()
    {
        _lab.Apply(Policies.Friends);
        byte[] allowed = Ethernet(IPv4(Friend, Host, Tcp, TcpHeader(40000, 80, Syn)));
        byte[] denied = Ethernet(IPv4(Friend, Host, Tcp, TcpHeader(40000, 81, Syn)));
        Assert.True(_lab.Passes("up0", ingress: true, allowed));
        Assert.False(_lab.Passes("up0", ingress: true, denied));
        long ruled = _lab.Backend.ReadCounters().Rules.Values.Sum(one => one.Packets);
        _lab.Restart();
        _lab.Apply(_lab.Policy!);
        Assert.Equal(["tc-ingress Incoming Policy 1"], Lines());
        Assert.Equal(ruled, _lab.Backend.ReadCounters().Rules.Values.Sum(one => one.Packets));
    }

    /// <inheritdoc/>
    public void Dispose() => _lab.Dispose();

    private IEnumerable<string> Lines() =>
        _lab.Backend.ReadCounters().Verdicts.Select(one => $"{one.Hook} {one.Direction} {one.Reason} {one.Count.Packets}").Order(StringComparer.Ordinal);
}
