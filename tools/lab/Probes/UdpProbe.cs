using System.Net;
using System.Net.Sockets;
using Datapath.Lab.Networks;

namespace Datapath.Lab.Probes;

/// <summary>A datagram to an <see cref="EchoServer"/> and its answer.</summary>
/// <param name="From">The host that tries.</param>
/// <param name="Source">The address that it uses.</param>
/// <param name="Destination">The address that it tries.</param>
/// <param name="Port">The port that it tries.</param>
/// <param name="Patience">How long it waits for the answer.</param>
public sealed record UdpProbe(LabHost From, IPAddress Source, IPAddress Destination, ushort Port, TimeSpan Patience)
    : Probe(From, Source, Destination, Patience)
{
    /// <inheritdoc />
    protected override Socket OpenSocket()
    {
        var socket = new Socket(Source.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(Source, port: 0));
        // Connected, so that only the other side's answer, or an ICMP error about it, is received.
        socket.Connect(new IPEndPoint(Destination, Port));
        return socket;
    }

    /// <inheritdoc />
    protected override async Task ExchangeAsync(Socket socket, CancellationToken cancellation)
    {
        await socket.SendAsync(Payload, cancellation);
        var answer = new byte[Payload.Length + 1];
        var count = await socket.ReceiveAsync(answer, cancellation);
        if (!answer.AsSpan(0, count).SequenceEqual(Payload))
        {
            throw new LabException($"{Destination} port {Port} did not echo what was sent");
        }
    }
}
