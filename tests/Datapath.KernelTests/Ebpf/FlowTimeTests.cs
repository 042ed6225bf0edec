using Datapath.Backends;
using Datapath.Interop.Libbpf;
using Datapath.KernelTests.Support;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>How long a flow is remembered, what closes it, and who takes away what is over. Time passes by making entries older.</summary>
public sealed class FlowTimeTests : IDisposable
{
    private const string Friend = "10.9.1.1";

    // More than a round of the smallest table takes.
    private const int Rounds = 40;

    private readonly ProgramLab _lab = new();
    private readonly FlowTables _flows;

    public FlowTimeTests()
    {
        _lab.Apply(Policies.Friends);
        _flows = _lab.OpenFlows();
    }

    [KernelFact]
    public void An_idle_connection_of_an_hour_still_lives()
    {
        FlowPeer peer = Peer().Connects();
        _flows.Age(TimeSpan.FromHours(1));
        Assert.True(peer.Hears(Ack));
        _flows.Age(TimeSpan.FromDays(5.1));
        Assert.False(peer.Hears(Ack));
    }

    [KernelFact]
    public void A_half_open_connection_is_forgotten_after_a_minute()
    {
        FlowPeer peer = Peer().Calls();
        _flows.Age(TimeSpan.FromSeconds(55));
        // Who is not heard says it again.
        Assert.True(peer.Hears(Syn | Ack, FlowPeer.HostNext - 1));
        _flows.Age(TimeSpan.FromSeconds(55));
        Assert.True(peer.Hears(Syn | Ack, FlowPeer.HostNext - 1));
        _flows.Age(TimeSpan.FromSeconds(62));
        Assert.False(peer.Hears(Syn | Ack, FlowPeer.HostNext - 1));
        Assert.False(peer.Hears(Ack));
    }

    [KernelFact]
    public void An_answer_that_is_said_again_takes_nothing_back()
    {
        FlowPeer peer = Peer().Connects();
        Assert.True(peer.Hears(Syn | Ack, FlowPeer.HostNext - 1));
        _flows.Age(TimeSpan.FromHours(1));
        Assert.True(peer.Hears(Ack));
    }

    [KernelFact]
    public void A_connection_closed_by_both_sides_admits_nothing_three_minutes_later()
    {
        FlowPeer peer = Peer().Connects();
        Assert.True(peer.Says(Fin | Ack));
        Assert.True(peer.Hears(Fin | Ack, acknowledged: FlowPeer.FriendNext + 1));
        _flows.Age(TimeSpan.FromSeconds(25));
        Assert.True(peer.Hears(Ack));
        // Whoever goes on sending does not keep it.
        _flows.Age(TimeSpan.FromSeconds(80));
        Assert.True(peer.Hears(Ack));
        _flows.Age(TimeSpan.FromSeconds(80));
        Assert.False(peer.Hears(Ack));
    }

    [KernelFact]
    public void A_connection_that_was_reset_admits_nothing_after_ten_seconds()
    {
        FlowPeer peer = Peer().Connects();
        Assert.True(peer.Says(Rst));
        _flows.Age(TimeSpan.FromSeconds(8));
        Assert.True(peer.Hears(Ack));
        _flows.Age(TimeSpan.FromSeconds(8));
        Assert.False(peer.Hears(Ack));
    }

    [KernelTheory]
    [InlineData(Rst)]
    [InlineData(Fin)]
    public void Who_guesses_the_ports_and_not_the_numbers_closes_nothing(byte flags)
    {
        FlowPeer served = Peer().Connects();
        Assert.True(served.Hears(Ack, acknowledged: FlowPeer.FriendNext + 100));
        FlowPeer asked = new FlowPeer(_lab, Friend, 443, 50000).IsCalled();
        Assert.True(asked.Says(Ack));
        Assert.True(served.Says(flags, FlowPeer.FarAway));
        Assert.True(asked.Says(flags, FlowPeer.FarAway));
        _flows.Age(TimeSpan.FromMinutes(3));
        Assert.True(served.Hears(Ack, acknowledged: FlowPeer.FriendNext + 100));
        Assert.True(asked.Says(Ack));
        // The same with the right number.
        Assert.True(served.Says(flags, FlowPeer.FriendNext + 100));
        Assert.True(asked.Says(flags));
        _flows.Age(TimeSpan.FromMinutes(3));
        Assert.False(served.Hears(Ack));
        Assert.False(asked.Says(Ack));
    }

    [KernelFact]
    public void Nobody_can_say_where_a_connection_is_and_close_it_from_there()
    {
        FlowPeer asked = new FlowPeer(_lab, Friend, 443, 50000).IsCalled();
        Assert.True(asked.Says(Ack));
        Assert.True(asked.Says(Ack, FlowPeer.FarAway));
        Assert.True(asked.Says(Rst, FlowPeer.FarAway));
        _flows.Age(TimeSpan.FromMinutes(3));
        Assert.True(asked.Says(Ack));
    }

    [KernelFact]
    public void A_half_closed_connection_lives_as_long_as_one_side_sends()
    {
        FlowPeer peer = Peer().Connects();
        Assert.True(peer.Says(Fin | Ack));
        for (int minute = 0; minute < 5; minute++)
        {
            Assert.True(peer.Hears(Ack, FlowPeer.HostNext + (uint)(minute * 1000), FlowPeer.FriendNext + 1));
            _flows.Age(TimeSpan.FromSeconds(50));
        }

        Assert.True(peer.Hears(Ack, acknowledged: FlowPeer.FriendNext + 1));
        _flows.Age(TimeSpan.FromSeconds(62));
        Assert.False(peer.Hears(Ack));
    }

    [KernelFact]
    public void Where_both_directions_are_allowed_nothing_is_lost_with_the_entry()
    {
        _lab.Apply(Policies.Discovery);
        FlowPeer peer = Peer().Connects();
        Assert.Equal(1, _flows.Count("dp_live_tcp4"));
        _flows.Clear();
        Assert.True(peer.Says(Ack));
        Assert.True(peer.Hears(Ack));
        Assert.True(peer.Says(Fin | Ack));
    }

    [KernelFact]
    public void A_reply_after_24_seconds_passes_and_an_answered_flow_has_two_minutes()
    {
        var peer = new FlowPeer(_lab, Friend, 40000, 53);
        Assert.True(peer.Sends());
        _flows.Age(TimeSpan.FromSeconds(31));
        Assert.False(peer.Receives());
        Assert.True(peer.Sends());
        _flows.Age(TimeSpan.FromSeconds(24));
        Assert.True(peer.Receives());
        _flows.Age(TimeSpan.FromSeconds(118));
        Assert.True(peer.Receives());
        _flows.Age(TimeSpan.FromSeconds(122));
        Assert.False(peer.Receives());
    }

    [KernelFact]
    public void What_is_over_is_collected_and_what_lives_is_not()
    {
        Peer(1).Connects().Says(Rst);
        FlowPeer alive = Peer(2).Connects();
        var answered = new FlowPeer(_lab, Friend, 40000, 53);
        Assert.True(answered.Sends());
        Assert.True(answered.Receives());
        Assert.Equal(2, _flows.Count("dp_live_tcp4"));
        Assert.Equal(1, _flows.Count("dp_live_other4"));
        _flows.Age(TimeSpan.FromMinutes(10));
        FlowUsage usage = Collect();
        Assert.Equal("dp_live_tcp4 1", _flows.Counts);
        Assert.Equal(new FlowTableUsage("tcp4", 1, _lab.Options.MaxTcpFlows), usage.Tables[0]);
        Assert.True(alive.Hears(Ack));
        // The place of the closed one is free again.
        Peer(1).Connects();
        Assert.Equal(2, _flows.Count("dp_live_tcp4"));
    }

    [KernelFact]
    public void A_connection_on_the_ports_of_one_that_is_not_collected_yet_is_served()
    {
        Peer().Connects().Says(Rst);
        _flows.Age(TimeSpan.FromMinutes(1));
        FlowPeer again = Peer().Connects();
        Assert.Equal("dp_live_tcp4 1, dp_new_tcp4 1", _flows.Counts);
        Assert.True(again.Hears(Ack));
        Collect();
        Assert.True(again.Hears(Ack));
    }

    [KernelFact]
    public void A_refused_first_fragment_leaves_nothing()
    {
        byte[] First(ushort port, ushort id) => Ethernet(IPv4(Friend, FlowPeer.Host, Udp, UdpHeader(40000, port), new IPv4Fields { More = true, Id = id }));
        Assert.False(_lab.Passes("up0", ingress: true, First(54, 1)));
        using BpfMap fragments = _flows.OpenBeside("dp_fragments");
        Assert.Empty(fragments.Keys<FlowTables.LongKey>());
        Assert.True(_lab.Passes("up0", ingress: true, First(53, 2)));
        Assert.Single(fragments.Keys<FlowTables.LongKey>());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _flows.Dispose();
        _lab.Dispose();
    }

    private FlowPeer Peer(int number = 0) => new(_lab, Friend, (ushort)(40000 + number), 80);

    private FlowUsage Collect()
    {
        FlowUsage usage = FlowUsage.None;
        for (int i = 0; i < Rounds; i++)
        {
            usage = _lab.Run(_lab.Backend.CollectFlows);
        }

        return usage;
    }
}
