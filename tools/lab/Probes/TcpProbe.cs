using System.Net;
using System.Net.Sockets;
using Datapath.Lab.Networks;

namespace Datapath.Lab.Probes;

/// <summary>A TCP connection to an <see cref="EchoServer"/>.</summary>
/// <param name="From">The host that tries.</param>
/// <param name="Source">The address that it uses.</param>
/// <param name="Destination">The address that it tries.</param>
/// <param name="Port">The port that it tries.</param>
/// <param name="Patience">How long it waits; below a second no SYN is sent twice.</param>
public sealed record TcpProbe(LabHost From, IPAddress Source, IPAddress Destination, ushort Port, TimeSpan Patience)
    : Probe(From, Source, Destination, Patience)
{
    /// <inheritdoc />
    protected override Socket OpenSocket()
    {
        var socket = new Socket(Source.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(Source, port: 0));
        return socket;
    }

    /// <inheritdoc />
    protected override async Task ExchangeAsync(Socket socket, CancellationToken cancellation)
    {
        await socket.ConnectAsync(new IPEndPoint(Destination, Port), cancellation);
        await socket.SendAsync(Payload, cancellation);
        var answer = new byte[Payload.Length];
        for (var received = 0; received < answer.Length;)
        {
            var count = await socket.ReceiveAsync(answer.AsMemory(received), cancellation);
            if (count == 0)
            {
                throw new SocketException((int)SocketError.ConnectionReset);
            }

            received += count;
        }

        if (!answer.AsSpan().SequenceEqual(Payload))
        {
            throw new LabException($"{Destination} port {Port} did not echo what was sent");
        }
    }
}
