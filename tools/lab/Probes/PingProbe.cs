using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Datapath.Lab.Networks;

namespace Datapath.Lab.Probes;

/// <summary>An ICMP or ICMPv6 echo request and its reply.</summary>
/// <remarks>A raw socket, because ping sockets are closed to everybody in a new namespace (sysctl <c>net.ipv4.ping_group_range</c>).</remarks>
/// <param name="From">The host that tries.</param>
/// <param name="Source">The address that it uses.</param>
/// <param name="Destination">The address that it tries.</param>
/// <param name="Patience">How long it waits for the reply.</param>
public sealed record PingProbe(LabHost From, IPAddress Source, IPAddress Destination, TimeSpan Patience)
    : Probe(From, Source, Destination, Patience)
{
    private const int LongestPacketBytes = 128;

    private readonly ushort _identifier = (ushort)RandomNumberGenerator.GetInt32(1, ushort.MaxValue + 1);

    /// <inheritdoc />
    protected override Socket OpenSocket()
    {
        var family = Source.AddressFamily;
        var socket = new Socket(family, SocketType.Raw, family == AddressFamily.InterNetworkV6 ? ProtocolType.IcmpV6 : ProtocolType.Icmp);
        socket.Bind(new IPEndPoint(Source, port: 0));
        socket.Connect(new IPEndPoint(Destination, port: 0));
        return socket;
    }

    /// <inheritdoc />
    protected override ushort SourcePortOf(Socket socket) => _identifier;

    /// <inheritdoc />
    protected override async Task ExchangeAsync(Socket socket, CancellationToken cancellation)
    {
        var family = Source.AddressFamily;
        await socket.SendAsync(EchoMessage.Build(family, isReply: false, _identifier, Payload), cancellation);
        var packet = new byte[LongestPacketBytes];
        while (true)
        {
            var count = await socket.ReceiveAsync(packet, cancellation);
            if (EchoMessage.IsIn(packet.AsSpan(0, count), family, isReply: true, _identifier, Payload))
            {
                return;
            }
        }
    }
}
