using Datapath.KernelTests.Support;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>Packets that pass because one like them passed just now: only where judging them at length would come to the same.</summary>
public sealed class DigestTests : IDisposable
{
    private const string Friend = "10.9.1.1";
    private const string ProvedTcp = "dp_live_tcp4";

    // So often that every CPU has seen the packet that the kernel may have run the test on.
    private const int Often = 8;

    // enum dp_flow_state.
    private const int Established = 2;
    private const int FinWait = 3;
    private const int CloseWait = 4;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ProgramLab _lab = new();
    private readonly FlowTables _flows;

    public DigestTests()
    {
        _lab.Apply(Policies.Friends);
        _flows = _lab.OpenFlows();
    }

    [KernelFact]
    public void An_answer_passes_without_its_entry_for_a_moment()
    {
        // It lasts a second, in which a busy machine may do something else.
        Assert.Contains(Enumerable.Range(0, 50), i =>
        {
            FlowPeer peer = Called((ushort)(40000 + i)).Connects();
            Assert.True(peer.Hears(Ack));
            _flows.Evict();
            return peer.Hears(Ack);
        });
    }

    [KernelTheory]
    [InlineData(Fin | Ack)]
    [InlineData(Rst)]
    public void It_does_not_once_the_connection_has_begun_to_close(byte flags)
    {
        FlowPeer peer = Called(40000).Connects();
        HearsOften(peer);
        Assert.True(peer.Says(flags));
        HearsOften(peer);
        _flows.Evict();
        Assert.False(peer.Hears(Ack));
    }

    [KernelFact]
    public void What_comes_after_the_first_fin_is_noted_as_ever()
    {
        FlowPeer peer = Called(40000).Connects();
        HearsOften(peer);
        Assert.True(peer.Says(Fin | Ack));
        Assert.Equal(FinWait, Assert.Single(_flows.States));
        Assert.True(peer.Hears(Ack));
        Assert.Equal(CloseWait, Assert.Single(_flows.States));
    }

    [KernelFact]
    public void Packets_from_before_the_handshake_do_not_hide_the_one_that_proves_it()
    {
        FlowPeer peer = Called(40000);
        for (int i = 0; i < Often; i++)
        {
            Assert.True(peer.Says(Ack));
        }

        peer.Connects();
        Assert.Equal(1, _flows.Count(ProvedTcp));
    }

    [KernelFact]
    public void A_long_answer_is_followed_to_its_end()
    {
        // Half as much again as a FIN may be ahead of what is known, in steps that are written down.
        const uint Step = 0x8000;
        const uint Steps = 48;
        FlowPeer peer = new FlowPeer(_lab, Friend, 443, 40000).IsCalled();
        for (uint i = 1; i <= Steps; i++)
        {
            Assert.True(peer.Says(Ack, FlowPeer.FriendNext + (i * Step)));
        }

        Assert.Equal(Established, Assert.Single(_flows.States));
        Assert.True(peer.Says(Fin | Ack, FlowPeer.FriendNext + (Steps * Step)));
        Assert.Equal(FinWait, Assert.Single(_flows.States));
    }

    [KernelFact]
    public void A_flow_that_goes_on_is_seen_every_second()
    {
        FlowPeer peer = Called(40000).Connects();
        HearsOften(peer);
        ulong before = Assert.Single(_flows.Seen);
        Assert.True(SpinWait.SpinUntil(() => peer.Hears(Ack) && _flows.Seen.Single() > before, Patience));
    }

    [KernelFact]
    public void A_revoked_rule_cuts_both_directions_at_once()
    {
        FlowPeer peer = Called(40000).Connects();
        for (int i = 0; i < Often; i++)
        {
            Assert.True(peer.Says(Ack));
            Assert.True(peer.Hears(Ack));
        }

        _lab.Apply(Policies.NothingIncoming);
        Assert.False(peer.Hears(Ack));
        Assert.False(peer.Says(Ack));
    }

    [KernelFact]
    public void A_segment_that_is_like_another_by_its_hash_alone_does_not_pass()
    {
        // All of one port, and none of them opens anything: nothing but the address tells them apart. Each friend leaves a digest, and some of many
        // strangers share a slot with one of them.
        byte[] From(string address) => Ethernet(IPv4(address, FlowPeer.Host, Tcp, TcpHeader(40000, 80, Ack)));
        Assert.Equal(200, _lab.CountPassing("up0", ingress: true, Enumerable.Range(1, 200).Select(i => From($"10.9.1.{i}"))));
        Assert.Equal(0, _lab.CountPassing("up0", ingress: true, Enumerable.Range(0, 10_000).Select(i => From($"10.8.{i / 200}.{1 + (i % 200)}"))));
    }

    [KernelFact]
    public void A_packet_to_an_address_that_the_host_no_longer_has_is_forwarded()
    {
        FlowPeer peer = Called(40000);
        for (int i = 0; i < Often; i++)
        {
            Assert.True(peer.Says(Ack));
        }

        Assert.Equal(0, Forwarded);
        _lab.Host = host => host with { Addresses = [] };
        Assert.False(_lab.Apply(Policies.Friends).Changed);
        Assert.True(peer.Says(Ack));
        Assert.Equal(1, Forwarded);
        _lab.Host = host => host;
        _lab.Apply(Policies.Friends);
        Assert.True(peer.Says(Ack));
        Assert.Equal(1, Forwarded);
    }

    [KernelFact]
    public void An_interface_that_begins_to_forward_is_known_to_at_once()
    {
        byte[] elsewhere = Ethernet(IPv4("10.8.1.1", "10.77.0.1", Tcp, TcpHeader(40000, 80, Ack)));
        Assert.True(_lab.Passes("up0", ingress: true, elsewhere));
        _lab.Host = host => host with { Interfaces = [.. host.Interfaces.Select(one => one with { ForwardsIPv4 = false })] };
        Assert.False(_lab.Apply(Policies.Friends).Changed);
        Assert.False(_lab.Passes("up0", ingress: true, elsewhere));
        _lab.Host = host => host;
        _lab.Apply(Policies.Friends);
        Assert.True(_lab.Passes("up0", ingress: true, elsewhere));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _flows.Dispose();
        _lab.Dispose();
    }

    private long Forwarded => _lab.Backend.ReadCounters().Statistics["forwarded"];

    private FlowPeer Called(ushort port) => new(_lab, Friend, port, 80);

    private static void HearsOften(FlowPeer peer)
    {
        for (int i = 0; i < Often; i++)
        {
            Assert.True(peer.Hears(Ack));
        }
    }
}
