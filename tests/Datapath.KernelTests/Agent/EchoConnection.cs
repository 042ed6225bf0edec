using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Datapath.KernelTests.Agent;

/// <summary>A TCP connection that stays open over what happens to the agent.</summary>
internal sealed class EchoConnection : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Socket _socket;

    private EchoConnection(Socket socket) => _socket = socket;

    /// <summary>Opens it over IPv4.</summary>
    public static async Task<EchoConnection> OpenAsync(LabEnd from, LabEnd to, ushort port, CancellationToken cancellation)
    {
        Socket socket = from.Host.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        try
        {
            socket.Bind(new IPEndPoint(from.IPv4, port: 0));
            await socket.ConnectAsync(new IPEndPoint(to.IPv4, port), cancellation).AsTask().WaitAsync(Patience, cancellation);
            return new EchoConnection(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Whether what is sent comes back; lost segments are repeated by TCP meanwhile.</summary>
    public async Task<bool> EchoesAsync(CancellationToken cancellation)
    {
        byte[] sent = RandomNumberGenerator.GetBytes(16);
        byte[] received = new byte[sent.Length];
        await _socket.SendAsync(sent, cancellation);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Patience);
        try
        {
            await using var stream = new NetworkStream(_socket, ownsSocket: false);
            await stream.ReadExactlyAsync(received, deadline.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return false;
        }

        return sent.AsSpan().SequenceEqual(received);
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();
}
