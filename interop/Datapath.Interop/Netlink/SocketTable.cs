using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Net;

namespace Datapath.Interop.Netlink;

/// <summary>The sockets of the calling thread's network namespace (sock_diag(7)).</summary>
/// <remarks>linux/inet_diag.h. Ports and addresses are in network byte order, other numbers in the host's.</remarks>
public static class SocketTable
{
    // SOCK_DIAG_BY_FAMILY of linux/sock_diag.h, where numbers begin anew.
    private const NetlinkMessageType ByFamily = (NetlinkMessageType)20;
    private const byte Tcp = 6;
    private const byte Udp = 17;

    // struct inet_diag_req_v2 and struct inet_diag_msg, which both begin with the family.
    private const int QuestionBytes = 56;
    private const int ProtocolAt = 1;
    private const int StatesAt = 4;
    private const int AnswerBytes = 72;
    private const int StateAt = 1;
    private const int PortAt = 4;
    private const int RemotePortAt = 6;
    private const int AddressAt = 8;
    private const int RemoteAddressAt = 24;

    // INET_DIAG_SKV6ONLY and INET_DIAG_CGROUP_ID.
    private const int ForIPv6Only = 11;
    private const int CgroupId = 21;
    private const uint AllStates = uint.MaxValue;

    private static readonly byte[] Families = [RoutingMessages.FamilyInet, RoutingMessages.FamilyInet6];
    private static readonly uint States = Enum.GetValues<TcpSocketState>().Where(state => state != TcpSocketState.None).Aggregate(0u, (mask, state) => mask | (1u << (int)state));

    /// <summary>TCP sockets that listen, or whose connection both ends agreed on, both families.</summary>
    /// <exception cref="KernelException">Refused, or the kernel has no tcp_diag.</exception>
    public static ImmutableArray<TcpSocket> ReadTcp()
    {
        var sockets = new List<TcpSocket>();
        using NetlinkSocket socket = NetlinkSocket.ForSockets();
        foreach (byte family in Families)
        {
            var rows = new List<TcpSocket>();
            socket.Dump(
                ByFamily,
                Question(family, Tcp, States),
                rows.Clear,
                message =>
                {
                    if (TcpSocketOf(message.Body) is { } row)
                    {
                        rows.Add(row);
                    }
                });
            sockets.AddRange(rows);
        }

        return [.. sockets];
    }

    /// <summary>Sockets that take what comes to a port: TCP sockets that listen, and UDP sockets, both families.</summary>
    /// <exception cref="KernelException">Refused, or the kernel has no tcp_diag or udp_diag.</exception>
    public static ImmutableArray<BoundSocket> ReadBound()
    {
        var sockets = new List<BoundSocket>();
        using NetlinkSocket socket = NetlinkSocket.ForSockets();
        foreach ((byte family, byte protocol, uint states) in Families.SelectMany(
            family => new[] { (family, Tcp, 1u << (int)TcpSocketState.Listen), (family, Udp, AllStates) }))
        {
            var rows = new List<BoundSocket>();
            socket.Dump(
                ByFamily,
                Question(family, protocol, states),
                rows.Clear,
                message =>
                {
                    if (BoundSocketOf(protocol, message.Body) is { } row)
                    {
                        rows.Add(row);
                    }
                });
            sockets.AddRange(rows);
        }

        return [.. sockets];
    }

    /// <summary>The socket that an answer describes; null when it describes none that we know how to read.</summary>
    /// <param name="protocol">What was asked about.</param>
    /// <param name="body">From <c>struct inet_diag_msg</c> on; any bytes are survived.</param>
    internal static BoundSocket? BoundSocketOf(byte protocol, ReadOnlySpan<byte> body)
    {
        if (TcpSocketOf(body) is not { } socket)
        {
            return null;
        }

        ulong cgroup = 0;
        var attributes = new AttributeReader(body[AnswerBytes..]);
        while (attributes.MoveNext())
        {
            if (attributes.Type == CgroupId && attributes.Value.Length == sizeof(ulong))
            {
                cgroup = BinaryPrimitives.ReadUInt64LittleEndian(attributes.Value);
            }
        }

        return new BoundSocket(protocol, socket.Local, socket.IsForIPv6Only, cgroup);
    }

    /// <summary>The socket that an answer describes; null when it describes none that we know how to read.</summary>
    /// <param name="body">From <c>struct inet_diag_msg</c> on; any bytes are survived.</param>
    internal static TcpSocket? TcpSocketOf(ReadOnlySpan<byte> body)
    {
        if (body.Length < AnswerBytes || !Families.Contains(body[0]))
        {
            return null;
        }

        int addressBytes = body[0] == RoutingMessages.FamilyInet ? 4 : 16;
        bool isForIPv6Only = false;
        var attributes = new AttributeReader(body[AnswerBytes..]);
        while (attributes.MoveNext())
        {
            isForIPv6Only |= attributes.Type == ForIPv6Only && attributes.Value is [not 0, ..];
        }

        return new TcpSocket(
            End(body.Slice(AddressAt, addressBytes), body[PortAt..]),
            End(body.Slice(RemoteAddressAt, addressBytes), body[RemotePortAt..]),
            (TcpSocketState)body[StateAt],
            isForIPv6Only
        );
    }

    private static IPEndPoint End(ReadOnlySpan<byte> address, ReadOnlySpan<byte> port)
    {
        var one = new IPAddress(address);
        return new IPEndPoint(one.IsIPv4MappedToIPv6 ? one.MapToIPv4() : one, BinaryPrimitives.ReadUInt16BigEndian(port));
    }

    private static byte[] Question(byte family, byte protocol, uint states)
    {
        var question = new byte[QuestionBytes];
        question[0] = family;
        question[ProtocolAt] = protocol;
        BinaryPrimitives.WriteUInt32LittleEndian(question.AsSpan(StatesAt), states);
        return question;
    }
}
