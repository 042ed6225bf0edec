using Datapath.Interop.Netlink;

namespace Datapath.Backends.Host;

/// <summary>Reads the changes of interfaces and addresses as long as it lives.</summary>
internal sealed class HostWatch : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly RtnetlinkMonitor _monitor;
    private readonly Action _onChange;
    private readonly Task _reading;

    public HostWatch(RtnetlinkMonitor monitor, Action onChange)
    {
        _monitor = monitor;
        _onChange = onChange;
        _reading = Task.Run(ReadAsync);
    }

    public void Dispose()
    {
        _stop.Cancel();
        // The reader ends at once: it only ever waits for the socket.
        _reading.Wait();
        _monitor.Dispose();
        _stop.Dispose();
    }

    private async Task ReadAsync()
    {
        try
        {
            await foreach (NetworkChange _ in _monitor.ChangesAsync(_stop.Token))
            {
                _onChange();
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Disposed.
        }
    }
}
