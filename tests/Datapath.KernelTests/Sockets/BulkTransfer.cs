using System.Net.Sockets;
using Datapath.KernelTests.Agent;

namespace Datapath.KernelTests.Sockets;

/// <summary>A TCP connection that carries blocks one way, each confirmed by a byte the other way, until it is stopped.</summary>
internal sealed class BulkTransfer : IAsyncDisposable
{
    private const int BlockBytes = 256 * 1024;

    // What is cut never ends by itself.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Socket _listener;
    private readonly Socket _client;
    private readonly Socket _server;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task<long> _sender;
    private readonly Task _receiver;

    private BulkTransfer(Socket listener, Socket client, Socket server)
    {
        (_listener, _client, _server) = (listener, client, server);
        _receiver = Task.Run(ReceiveAsync);
        _sender = Task.Run(SendAsync);
    }

    /// <summary>Opens it and begins to send.</summary>
    public static async Task<BulkTransfer> StartAsync(LabEnd from, LabEnd to, AddressFamily family, ushort port, CancellationToken cancellation)
    {
        Socket listener = LiveFlow.Bound(to, family, SocketType.Stream, ProtocolType.Tcp, port);
        listener.Listen();
        Socket client = LiveFlow.Bound(from, family, SocketType.Stream, ProtocolType.Tcp, port: 0);
        await client.ConnectAsync(listener.LocalEndPoint!, cancellation);
        return new BulkTransfer(listener, client, await listener.AcceptAsync(cancellation));
    }

    /// <summary>Ends it after the block that is on its way.</summary>
    /// <returns>Blocks that arrived, segments that either end sent again, and those among them that were only late.</returns>
    /// <remarks>A thread that waits for a processor longer than the timer of TCP makes the other end send again what was never lost.</remarks>
    /// <exception cref="TimeoutException">The block does not arrive.</exception>
    public async Task<(long Blocks, uint Retransmitted, uint Late)> StopAsync()
    {
        await _stop.CancelAsync();
        long blocks = await _sender.WaitAsync(Patience);
        (TcpInfo client, TcpInfo server) = (TcpInfo.Of(_client), TcpInfo.Of(_server));
        return (blocks, client.TotalRetransmitted + server.TotalRetransmitted, client.ArrivedTwice + server.ArrivedTwice);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _client.Dispose();
        _server.Dispose();
        _listener.Dispose();
        // Either may fail now that its socket is gone; whether it failed before was asked when it was stopped.
        await Task.WhenAny(Task.WhenAll(_sender, _receiver));
        _stop.Dispose();
    }

    private async Task<long> SendAsync()
    {
        var block = new byte[BlockBytes];
        var confirmation = new byte[1];
        long blocks = 0;
        while (!_stop.IsCancellationRequested)
        {
            await _client.SendAsync(block);
            await _client.ReceiveAsync(confirmation);
            blocks++;
            // Many blocks in a second and an idle moment between two: the machine is shared.
            await Task.Delay(1);
        }

        return blocks;
    }

    private async Task ReceiveAsync()
    {
        var buffer = new byte[BlockBytes];
        var confirmation = new byte[1];
        int missing = BlockBytes;
        while (await _server.ReceiveAsync(buffer) is > 0 and int count)
        {
            missing -= count;
            if (missing == 0)
            {
                await _server.SendAsync(confirmation);
                missing = BlockBytes;
            }
        }
    }
}
