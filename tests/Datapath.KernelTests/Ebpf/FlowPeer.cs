using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>Packets between a friend of the policies and the host, at the host's uplink; TCP with the sequence numbers of a real connection.</summary>
/// <param name="lab">Where.</param>
/// <param name="friend">Address of the friend.</param>
/// <param name="port">Port of the friend.</param>
/// <param name="hostPort">Port of the host.</param>
internal sealed class FlowPeer(ProgramLab lab, string friend, ushort port, ushort hostPort)
{
    public const string Host = "10.0.0.1";

    // Initial sequence numbers: 1,000 of the friend, 5,000 of the host.
    public const uint FriendNext = 1001;
    public const uint HostNext = 5001;

    /// <summary>A number that no window of this connection contains.</summary>
    public const uint FarAway = 0x4000_0000;

    /// <summary>The friend calls the host, which answers; the third packet is up to the caller.</summary>
    public FlowPeer Calls()
    {
        Xunit.Assert.True(Says(Syn, FriendNext - 1, 0));
        Xunit.Assert.True(Hears(Syn | Ack, HostNext - 1, FriendNext));
        return this;
    }

    /// <summary>A whole handshake.</summary>
    public FlowPeer Connects()
    {
        Calls();
        Xunit.Assert.True(Says(Ack, FriendNext, HostNext));
        return this;
    }

    /// <summary>The host calls the friend, with a whole handshake.</summary>
    public FlowPeer IsCalled()
    {
        Xunit.Assert.True(Hears(Syn, HostNext - 1, 0));
        Xunit.Assert.True(Says(Syn | Ack, FriendNext - 1, HostNext));
        Xunit.Assert.True(Hears(Ack, HostNext, FriendNext));
        return this;
    }

    /// <summary>A segment of the friend to the host: whether it passed.</summary>
    public bool Says(byte flags, uint sequence = FriendNext, uint acknowledged = HostNext) =>
        lab.Passes("up0", ingress: true, Ethernet(IPv4(friend, Host, Tcp, TcpHeader(port, hostPort, flags, sequence, acknowledged))));

    /// <summary>A segment of the host to the friend: whether it passed.</summary>
    public bool Hears(byte flags, uint sequence = HostNext, uint acknowledged = FriendNext) =>
        lab.Passes("up0", ingress: false, Ethernet(IPv4(Host, friend, Tcp, TcpHeader(hostPort, port, flags, sequence, acknowledged))));

    /// <summary>A datagram of the friend.</summary>
    public bool Sends() => lab.Passes("up0", ingress: true, Ethernet(IPv4(friend, Host, Udp, UdpHeader(port, hostPort))));

    /// <summary>A datagram to the friend.</summary>
    public bool Receives() => lab.Passes("up0", ingress: false, Ethernet(IPv4(Host, friend, Udp, UdpHeader(hostPort, port))));
}
