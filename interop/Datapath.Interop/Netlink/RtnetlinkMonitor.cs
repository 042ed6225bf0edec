using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Datapath.Interop.Libc;

namespace Datapath.Interop.Netlink;

/// <summary>Hears of changes of interfaces, addresses and of what decides which packets the host takes, in the network namespace of the thread that made it.</summary>
/// <remarks>Make it first and ask <see cref="Rtnetlink"/> afterwards: then nothing falls between the two.</remarks>
public sealed class RtnetlinkMonitor : IDisposable
{
    // RTNLGRP_* of linux/rtnetlink.h: links, then addresses, routes, rules and settings of each family.
    private static readonly int[] Groups = [1, 5, 9, 7, 11, 8, 19, 24, 25];

    private const int DefaultReceiveBufferBytes = 1 << 20;

    private readonly Socket _socket;

    /// <summary>Starts to listen.</summary>
    /// <param name="receiveBufferBytes">What the kernel keeps for a slow reader before changes are <see cref="NetworkChangeKind.Lost"/>.</param>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public RtnetlinkMonitor(int receiveBufferBytes = DefaultReceiveBufferBytes)
    {
        var handle = new SafeSocketHandle(NetlinkSocket.Open(LibcApi.SOCK_CLOEXEC), ownsHandle: true);
        try
        {
            Subscribe((int)handle.DangerousGetHandle());
            _socket = new Socket(handle) { ReceiveBufferSize = receiveBufferBytes };
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>The changes from the moment this object was made, as they come, until cancelled.</summary>
    /// <param name="cancellation">Ends the stream with <see cref="OperationCanceledException"/>.</param>
    public async IAsyncEnumerable<NetworkChange> ChangesAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var buffer = new byte[NetlinkSocket.BufferBytes];
        while (true)
        {
            foreach (NetworkChange change in await ReceiveAsync(buffer, cancellation))
            {
                yield return change;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    /// <summary>The changes of one datagram; <see cref="NetworkChangeKind.Lost"/> last when its end makes no sense.</summary>
    internal static List<NetworkChange> Changes(ReadOnlySpan<byte> datagram)
    {
        var changes = new List<NetworkChange>();
        var reader = new NetlinkReader(datagram);
        while (reader.TryRead(out NetlinkMessage message))
        {
            if (RouteMessages.Change(message) is { } change)
            {
                changes.Add(change);
            }
        }

        if (reader.IsBroken)
        {
            changes.Add(new NetworkChange(NetworkChangeKind.Lost));
        }

        return changes;
    }

    private async Task<List<NetworkChange>> ReceiveAsync(byte[] buffer, CancellationToken cancellation)
    {
        try
        {
            int received = await _socket.ReceiveAsync(buffer, cancellation);
            return Changes(buffer.AsSpan(0, received));
        }
        catch (SocketException overflow) when (overflow.SocketErrorCode == SocketError.NoBufferSpaceAvailable)
        {
            // The kernel dropped messages because we were slow, and says so once.
            return [new NetworkChange(NetworkChangeKind.Lost)];
        }
    }

    // struct sockaddr_nl: family, padding, port id (0: the kernel chooses), groups.
    private static unsafe void Subscribe(int descriptor)
    {
        uint groups = Groups.Aggregate(0u, (mask, group) => mask | (1u << (group - 1)));
        Span<uint> address = [LibcApi.AF_NETLINK, 0, groups];
        fixed (uint* start = address)
        {
            if (LibcApi.bind(descriptor, start, (uint)(address.Length * sizeof(uint))) < 0)
            {
                throw new KernelException("listen on", "routing socket", Marshal.GetLastPInvokeError());
            }
        }
    }
}
