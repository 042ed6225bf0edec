using System.Net;
using System.Net.Sockets;
using Datapath.Lab.Networks;

namespace Datapath.KernelTests.Agent;

/// <summary>Datagrams that somebody who may not sends all the time, and when the last of them arrived: how long a place was open.</summary>
internal sealed class Drizzle : IDisposable
{
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(5);

    private readonly Socket _sender;
    private readonly Socket _receiver;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _sending;
    private readonly Task _receiving;
    private long _arrived;
    private long _lastArrival;

    /// <summary>Begins.</summary>
    public Drizzle(LabHost from, IPAddress source, LabHost to, IPEndPoint destination)
    {
        _receiver = to.Run(() => new Socket(source.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        // Of any address: the one that is sent to may not be there yet.
        _receiver.Bind(new IPEndPoint(source.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, destination.Port));
        _sender = from.Run(() => new Socket(source.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { EnableBroadcast = true });
        _sender.Bind(new IPEndPoint(source, port: 0));
        _sending = Task.Run(() => SendAsync(destination));
        _receiving = Task.Run(ReceiveAsync);
    }

    /// <summary>How many arrived.</summary>
    public long Arrived => Volatile.Read(ref _arrived);

    /// <summary>When the last one arrived; a time of <see cref="TimeProvider.GetTimestamp"/>.</summary>
    public long LastArrival => Volatile.Read(ref _lastArrival);

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel();
        Task.WaitAll(_sending, _receiving);
        _sender.Dispose();
        _receiver.Dispose();
        _stop.Dispose();
    }

    private async Task SendAsync(IPEndPoint destination)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await _sender.SendToAsync(new byte[4], destination, _stop.Token);
                await Task.Delay(Between, _stop.Token);
            }
            catch (SocketException)
            {
                // An ICMP error about an earlier one; the next is sent all the same.
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task ReceiveAsync()
    {
        var buffer = new byte[16];
        try
        {
            while (true)
            {
                await _receiver.ReceiveAsync(buffer, _stop.Token);
                Volatile.Write(ref _lastArrival, TimeProvider.System.GetTimestamp());
                Interlocked.Increment(ref _arrived);
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }
}
