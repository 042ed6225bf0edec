using System.Buffers.Binary;
using System.Net.Sockets;
using Datapath.KernelTests.Agent;
using Xunit;

namespace Datapath.KernelTests.Sockets;

/// <summary>Two UDP sockets that send each other numbered datagrams at a steady pace; what is missing at the end was lost.</summary>
internal sealed class NumberedPair : IAsyncDisposable
{
    // Late datagrams: the last one is given as long as this.
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(5);

    private readonly Socket _opener;
    private readonly Socket _responder;
    private readonly CancellationTokenSource _stopSending = new();
    private readonly CancellationTokenSource _stopReceiving = new();
    private readonly HashSet<long> _atResponder = [];
    private readonly HashSet<long> _atOpener = [];
    private readonly List<Task> _receivers;
    private readonly Task<(long ToResponder, long ToOpener)> _sender;

    private NumberedPair(Socket opener, Socket responder)
    {
        (_opener, _responder) = (opener, responder);
        _receivers = [Task.Run(() => ReceiveAsync(responder, _atResponder)), Task.Run(() => ReceiveAsync(opener, _atOpener))];
        _sender = Task.Run(SendAsync);
    }

    /// <summary>Begins to send.</summary>
    /// <param name="from">Who opens: the other end speaks when it has heard the opener, or after a while that says that it never will.</param>
    /// <param name="to">The other end.</param>
    /// <param name="family">IPv4 or IPv6.</param>
    /// <param name="port">Of the other end.</param>
    public static NumberedPair Start(LabEnd from, LabEnd to, AddressFamily family, ushort port)
    {
        Socket responder = LiveFlow.Bound(to, family, SocketType.Dgram, ProtocolType.Udp, port);
        Socket opener = LiveFlow.Bound(from, family, SocketType.Dgram, ProtocolType.Udp, port: 0);
        opener.Connect(responder.LocalEndPoint!);
        responder.Connect(opener.LocalEndPoint!);
        return new NumberedPair(opener, responder);
    }

    /// <summary>Ends it and counts.</summary>
    public async Task<PairCount> StopAsync()
    {
        await _stopSending.CancelAsync();
        (long toResponder, long toOpener) = await _sender;
        await Task.Delay(Rest, TestContext.Current.CancellationToken);
        await _stopReceiving.CancelAsync();
        await Task.WhenAll(_receivers);
        return new PairCount(toResponder + toOpener, _atResponder.Count + _atOpener.Count);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopSending.CancelAsync();
        await _stopReceiving.CancelAsync();
        await _sender;
        await Task.WhenAll(_receivers);
        _opener.Dispose();
        _responder.Dispose();
        _stopSending.Dispose();
        _stopReceiving.Dispose();
    }

    private async Task<(long ToResponder, long ToOpener)> SendAsync()
    {
        long toResponder = 0;
        long toOpener = 0;
        using var pace = new PeriodicTimer(Pace);
        while (!_stopSending.IsCancellationRequested)
        {
            await SendAsync(_opener, toResponder++);
            bool isOpen;
            lock (_atResponder)
            {
                isOpen = _atResponder.Count > 0;
            }

            // The answers of a pair that may not open are tried too: they must not come through either.
            if (isOpen || toResponder > 20)
            {
                await SendAsync(_responder, toOpener++);
            }

            await pace.WaitForNextTickAsync();
        }

        return (toResponder, toOpener);
    }

    private static async Task SendAsync(Socket socket, long number)
    {
        var datagram = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(datagram, number);
        try
        {
            await socket.SendAsync(datagram);
        }
        catch (SocketException refused) when (refused.SocketErrorCode is SocketError.NoBufferSpaceAvailable or SocketError.AccessDenied)
        {
            // Dropped by the sender's own host: it does not arrive, and that is what is counted.
        }
    }

    private async Task ReceiveAsync(Socket socket, HashSet<long> numbers)
    {
        var datagram = new byte[sizeof(long)];
        try
        {
            while (true)
            {
                await socket.ReceiveAsync(datagram, _stopReceiving.Token);
                lock (numbers)
                {
                    numbers.Add(BinaryPrimitives.ReadInt64LittleEndian(datagram));
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The end of the count.
        }
    }
}

/// <summary>Datagrams of a pair, both directions.</summary>
/// <param name="Sent">How many were sent.</param>
/// <param name="Arrived">How many different ones arrived.</param>
internal sealed record PairCount(long Sent, long Arrived)
{
    /// <summary>How many did not arrive.</summary>
    public long Lost => Sent - Arrived;
}
