using System.Buffers.Binary;
using System.Net;
using Datapath.Interop.Netlink;
using Xunit;

namespace Datapath.Tests.Interop.Netlink;

/// <summary>Messages about sockets, and bytes that only look like them.</summary>
public sealed class SocketMessageTests
{
    private const int Bytes = 72;

    [Fact]
    public void A_socket_has_its_ends_and_its_state()
    {
        TcpSocket? socket = SocketTable.TcpSocketOf(Message(2, state: 1, "192.0.2.1", 80, "198.51.100.7", 4000));
        Assert.Equal(new TcpSocket(IPEndPoint.Parse("192.0.2.1:80"), IPEndPoint.Parse("198.51.100.7:4000"), TcpSocketState.Established, IsForIPv6Only: false), socket);
    }

    [Fact]
    public void An_ipv4_connection_of_an_ipv6_socket_is_ipv4()
    {
        TcpSocket? socket = SocketTable.TcpSocketOf(Message(10, state: 1, "::ffff:192.0.2.1", 80, "::ffff:198.51.100.7", 4000));
        Assert.Equal((IPEndPoint.Parse("192.0.2.1:80"), IPEndPoint.Parse("198.51.100.7:4000")), (socket?.Local, socket?.Remote));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    public void A_listener_may_leave_ipv4_alone(byte value, bool expected)
    {
        TcpSocket? socket = SocketTable.TcpSocketOf([.. Message(10, state: 10, "::", 80, "::", 0), 5, 0, 11, 0, value, 0, 0, 0]);
        Assert.Equal((TcpSocketState.Listen, expected), (socket?.State, socket?.IsForIPv6Only));
    }

    [Fact]
    public void What_is_no_such_message_is_nothing()
    {
        Assert.Null(SocketTable.TcpSocketOf([]));
        Assert.Null(SocketTable.TcpSocketOf(Message(2, state: 1, "192.0.2.1", 80, "198.51.100.7", 4000).AsSpan(1)));
        Assert.Null(SocketTable.TcpSocketOf(Message(7, state: 1, "192.0.2.1", 80, "198.51.100.7", 4000)));
    }

    private static byte[] Message(byte family, byte state, string local, ushort port, string remote, ushort remotePort)
    {
        var message = new byte[Bytes];
        (message[0], message[1]) = (family, state);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(4), port);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(6), remotePort);
        IPAddress.Parse(local).GetAddressBytes().CopyTo(message, 8);
        IPAddress.Parse(remote).GetAddressBytes().CopyTo(message, 24);
        return message;
    }
}
