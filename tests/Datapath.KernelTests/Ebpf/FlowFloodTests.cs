using Datapath.Backends.Ebpf;
using Datapath.KernelTests.Support;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>Two stages of flows: what nobody proved may be forgotten, what both ends agreed on may not.</summary>
public sealed class FlowFloodTests : IDisposable
{
    private const string Friend = "10.9.1.1";
    private const string ProvedTcp = "dp_live_tcp4";
    private const int Connections = 20;

    // More than a CPU keeps to itself before the others see it (LOCAL_PENDING_LIST in kernel/bpf/bpf_lru_list.c).
    private const int Unproved = 400;

    // Half as many again as there is room for.
    private static readonly int FloodSize = EbpfOptions.DefaultNewFlows * 3 / 2;

    private readonly ProgramLab _lab = new();

    [KernelFact]
    public void A_flood_of_syns_evicts_no_connection_that_lives()
    {
        _lab.Apply(Policies.Friends);
        FlowPeer[] alive = [.. Enumerable.Range(0, Connections).Select(i => Peer(i).Connects())];
        Assert.Equal(Unproved, _lab.CountPassing("up0", ingress: true, Called(i => Segment(i, toHost: true))));
        Assert.Equal(FloodSize, _lab.CountPassing("up0", ingress: true, Flood(Tcp)));
        // It was large enough to evict what may be evicted.
        Assert.InRange(_lab.CountPassing("up0", ingress: false, Called(i => Segment(i, toHost: false))), 0, Unproved - 1);
        Assert.All(alive, one => Assert.True(one.Hears(Ack)));
    }

    [KernelFact]
    public void A_flood_of_first_datagrams_evicts_neither_an_answered_flow_nor_a_connection()
    {
        _lab.Apply(Policies.Friends);
        FlowPeer connection = Peer(1).Connects();
        var answered = new FlowPeer(_lab, Friend, 40000, 53);
        Assert.True(answered.Sends());
        Assert.True(answered.Receives());
        Assert.Equal(Unproved, _lab.CountPassing("up0", ingress: true, Called(i => Datagram(i, toHost: true))));
        Assert.Equal(FloodSize, _lab.CountPassing("up0", ingress: true, Flood(Udp)));
        using FlowTables flows = _lab.OpenFlows();
        flows.ForgetDigests();
        Assert.InRange(_lab.CountPassing("up0", ingress: false, Called(i => Datagram(i, toHost: false))), 0, Unproved - 1);
        Assert.True(answered.Receives());
        Assert.True(connection.Hears(Ack));
    }

    [KernelFact]
    public void Only_who_got_the_answer_proves_a_connection()
    {
        _lab.Apply(Policies.Friends);
        using FlowTables flows = _lab.OpenFlows();
        FlowPeer peer = Peer(0).Calls();
        Assert.Equal(0, flows.Count(ProvedTcp));
        // A half-open socket answers a segment that is out of its window with numbers that got nowhere.
        Assert.True(peer.Hears(Ack));
        Assert.True(peer.Says(Ack, acknowledged: FlowPeer.FarAway));
        Assert.Equal(0, flows.Count(ProvedTcp));
        Assert.True(peer.Says(Ack));
        Assert.Equal(1, flows.Count(ProvedTcp));
        Assert.Equal(0, flows.Count("dp_new_tcp4"));
    }

    [KernelFact]
    public void An_answer_that_got_beyond_the_handshake_proves_it_too()
    {
        _lab.Apply(Policies.Friends);
        using FlowTables flows = _lab.OpenFlows();
        Assert.True(Peer(0).Calls().Hears(Ack, acknowledged: FlowPeer.FriendNext + 100));
        Assert.Equal(1, flows.Count(ProvedTcp));
    }

    [KernelFact]
    public void A_full_table_is_counted_and_cuts_nothing()
    {
        const int Room = 4;
        using var small = new ProgramLab(options => options with { MaxTcpFlows = Room });
        small.Apply(Policies.Friends);
        FlowPeer[] peers = [.. Enumerable.Range(0, Room + 2).Select(i => new FlowPeer(small, Friend, (ushort)(40000 + i), 80).Connects())];
        using FlowTables flows = small.OpenFlows();
        Assert.Equal(Room, flows.Count(ProvedTcp));
        Assert.Equal(2, flows.Count("dp_new_tcp4"));
        Assert.All(peers, one => Assert.True(one.Hears(Ack)));
        Assert.Equal(2, small.Backend.ReadCounters().Statistics["flow_unpromoted"]);
    }

    [KernelFact]
    public void What_is_like_a_flow_by_its_hash_alone_does_not_pass()
    {
        _lab.Apply(Policies.Friends);
        // Each answer leaves a digest; some of many strangers share a slot with one of them, and the port with all.
        for (int i = 1; i <= 100; i++)
        {
            var peer = new FlowPeer(_lab, $"10.9.1.{i}", 40000, 53);
            Assert.True(peer.Sends());
            Assert.True(peer.Receives());
        }

        IEnumerable<byte[]> strangers = Enumerable
            .Range(0, 10_000)
            .Select(i => Ethernet(IPv4(FlowPeer.Host, $"10.9.{10 + (i / 200)}.{1 + (i % 200)}", Udp, UdpHeader(53, 40000))));
        Assert.Equal(0, _lab.CountPassing("up0", ingress: false, strangers));
    }

    [KernelFact]
    public void A_digest_is_worth_nothing_to_the_next_generation()
    {
        _lab.Apply(Policies.Friends);
        var peer = new FlowPeer(_lab, Friend, 40000, 53);
        Assert.True(peer.Sends());
        Assert.True(peer.Receives());
        Assert.True(peer.Receives());
        _lab.Apply(Policies.NothingIncoming);
        Assert.False(peer.Receives());
        Assert.False(peer.Sends());
    }

    /// <inheritdoc/>
    public void Dispose() => _lab.Dispose();

    private FlowPeer Peer(int number) => new(_lab, Friend, (ushort)(40000 + number), 80);

    private static IEnumerable<byte[]> Called(Func<ushort, byte[]> packet) => Enumerable.Range(0, Unproved).Select(i => packet((ushort)(50_000 + i)));

    private static byte[] Segment(ushort port, bool toHost) =>
        toHost
            ? Ethernet(IPv4(Friend, FlowPeer.Host, Tcp, TcpHeader(port, 80, Syn)))
            : Ethernet(IPv4(FlowPeer.Host, Friend, Tcp, TcpHeader(80, port, Syn | Ack, acknowledged: 2)));

    private static byte[] Datagram(ushort port, bool toHost) =>
        toHost
            ? Ethernet(IPv4(Friend, FlowPeer.Host, Udp, UdpHeader(port, 53)))
            : Ethernet(IPv4(FlowPeer.Host, Friend, Udp, UdpHeader(53, port)));

    /// <summary>First packets of as many friends, each allowed.</summary>
    private static IEnumerable<byte[]> Flood(byte protocol) =>
        Enumerable
            .Range(0, FloodSize)
            .Select(i =>
            {
                var port = (ushort)(1024 + (i % 50_000));
                byte[] payload = protocol == Tcp ? TcpHeader(port, 80, Syn, (uint)i) : UdpHeader(port, 53);
                return Ethernet(IPv4($"10.9.{3 + (i / 50_000)}.7", FlowPeer.Host, protocol, payload));
            });
}
