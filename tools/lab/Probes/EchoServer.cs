using System.Net;
using System.Net.Sockets;
using Datapath.Lab.Networks;

namespace Datapath.Lab.Probes;

/// <summary>Sends back what it receives, on one TCP or UDP port of one address, until it is disposed.</summary>
/// <remarks>Without one behind a port, a probe that times out would prove nothing.</remarks>
public sealed class EchoServer : IAsyncDisposable
{
    private const int BufferBytes = 64 * 1024;
    private const int Backlog = 128;

    private readonly Socket _socket;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    private EchoServer(Socket socket, Func<Socket, CancellationToken, Task> serve)
    {
        _socket = socket;
        _loop = Task.Run(() => serve(socket, _stop.Token));
    }

    /// <summary>Listens for TCP connections.</summary>
    /// <param name="host">Where.</param>
    /// <param name="address">One of its addresses.</param>
    /// <param name="port">The port.</param>
    public static EchoServer StartTcp(LabHost host, IPAddress address, ushort port) =>
        new(host.Run(() => Listen(address, port)), AcceptAsync);

    /// <summary>Waits for datagrams.</summary>
    /// <param name="host">Where.</param>
    /// <param name="address">One of its addresses.</param>
    /// <param name="port">The port.</param>
    public static EchoServer StartUdp(LabHost host, IPAddress address, ushort port) =>
        new(host.Run(() => Bind(address, SocketType.Dgram, ProtocolType.Udp, port)), EchoDatagramsAsync);

    /// <summary>Stops serving and closes every socket.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _socket.Dispose();
        await _loop;
        _stop.Dispose();
    }

    private static Socket Bind(IPAddress address, SocketType type, ProtocolType protocol, ushort port)
    {
        var socket = new Socket(address.AddressFamily, type, protocol);
        socket.Bind(new IPEndPoint(address, port));
        return socket;
    }

    private static Socket Listen(IPAddress address, ushort port)
    {
        var socket = Bind(address, SocketType.Stream, ProtocolType.Tcp, port);
        socket.Listen(Backlog);
        return socket;
    }

    private static async Task AcceptAsync(Socket listener, CancellationToken cancellation)
    {
        var connections = new List<Task>();
        try
        {
            while (true)
            {
                connections.Add(EchoStreamAsync(await listener.AcceptAsync(cancellation), cancellation));
                connections.RemoveAll(connection => connection.IsCompletedSuccessfully);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            await Task.WhenAll(connections);
        }
    }

    private static async Task EchoStreamAsync(Socket connection, CancellationToken cancellation)
    {
        using (connection)
        {
            var buffer = new byte[BufferBytes];
            try
            {
                while (await connection.ReceiveAsync(buffer, cancellation) is > 0 and var count)
                {
                    await connection.SendAsync(buffer.AsMemory(0, count), cancellation);
                }
            }
            catch (Exception exception) when (exception is OperationCanceledException or SocketException)
            {
                // The client, a rule, or the end of the test closed it: nothing to echo any more.
            }
        }
    }

    private static async Task EchoDatagramsAsync(Socket socket, CancellationToken cancellation)
    {
        var buffer = new byte[BufferBytes];
        var anyone = new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                var received = await socket.ReceiveFromAsync(buffer, anyone, cancellation);
                await socket.SendToAsync(buffer.AsMemory(0, received.ReceivedBytes), received.RemoteEndPoint, cancellation);
            }
            catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // An answer that a rule or a closed client refused is reported on the next call; the next request is served all the same.
            }
        }
    }
}
