using Datapath.KernelTests.Support;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>What policy said of a peer and a port stands for what it would say: of the same question, and of no other.</summary>
public sealed class RecollectionTests : IDisposable
{
    private const string Friend = "10.9.1.1";

    // So often that every CPU has seen the packet that the kernel may have run the test on.
    private const int Often = 8;

    private readonly ProgramLab _lab = new();

    public RecollectionTests() => _lab.Apply(Policies.Friends);

    [KernelFact]
    public void A_peer_that_is_like_another_by_its_hash_alone_opens_nothing()
    {
        // Nothing but the address tells them apart. Each friend leaves a recollection, and some of many strangers share a slot with one of them.
        byte[] From(string address) => Ethernet(IPv4(address, FlowPeer.Host, Udp, UdpHeader(40000, 53)));
        string[] friends = [.. Enumerable.Range(1, 200).Select(i => $"10.9.1.{i}")];
        Assert.Equal(400, _lab.CountPassing("up0", ingress: true, friends.Concat(friends).Select(From)));
        Assert.Equal(0, _lab.CountPassing("up0", ingress: true, Enumerable.Range(0, 10_000).Select(i => From($"10.8.{i / 200}.{1 + (i % 200)}"))));
        Assert.Equal(200, _lab.CountPassing("up0", ingress: true, friends.Select(From)));
    }

    [KernelFact]
    public void Another_port_direction_or_protocol_is_another_question()
    {
        for (ushort i = 0; i < Often; i++)
        {
            Assert.True(Opens((ushort)(40000 + i), 80));
            Assert.False(Opens((ushort)(40000 + i), 81));
            Assert.False(_lab.Passes("up0", ingress: false, Ethernet(IPv4(FlowPeer.Host, Friend, Tcp, TcpHeader((ushort)(41000 + i), 80, Syn)))));
            Assert.False(_lab.Passes("up0", ingress: true, Ethernet(IPv4(Friend, FlowPeer.Host, Udp, UdpHeader((ushort)(40000 + i), 80)))));
        }
    }

    [KernelFact]
    public void A_new_policy_is_asked_anew()
    {
        for (ushort i = 0; i < Often; i++)
        {
            Assert.True(Opens((ushort)(40000 + i), 80));
        }

        _lab.Apply(Policies.NothingIncoming);
        for (ushort i = 0; i < Often; i++)
        {
            Assert.False(Opens((ushort)(42000 + i), 80));
        }

        _lab.Apply(Policies.Friends);
        Assert.True(Opens(43000, 80));
    }

    private bool Opens(ushort from, ushort to) => _lab.Passes("up0", ingress: true, Ethernet(IPv4(Friend, FlowPeer.Host, Tcp, TcpHeader(from, to, Syn))));

    /// <inheritdoc/>
    public void Dispose() => _lab.Dispose();
}
