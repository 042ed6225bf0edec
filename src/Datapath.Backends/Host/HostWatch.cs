using System.Net.Sockets;
using Datapath.Interop;
using Datapath.Interop.Netlink;

namespace Datapath.Backends.Host;

/// <summary>What a watch listens to, from one subscription to its end.</summary>
/// <param name="Changes">The changes since the subscription, until cancelled.</param>
/// <param name="Subscription">Ends it.</param>
internal sealed record HostChanges(Func<CancellationToken, IAsyncEnumerable<NetworkChange>> Changes, IDisposable Subscription);

/// <summary>Reads the changes of interfaces, addresses and routes as long as it lives; begins again when the subscription breaks.</summary>
internal sealed class HostWatch : IDisposable
{
    /// <summary>How long it waits before it subscribes again.</summary>
    public static readonly TimeSpan BeforeNextTry = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stop = new();
    private readonly Func<HostChanges> _subscribe;
    private readonly Action _onChange;
    private readonly Action<string> _onTrouble;
    private readonly TimeProvider _clock;
    private readonly Task _reading;

    /// <summary>Subscribes, and reads on a pool thread from then on.</summary>
    /// <param name="subscribe">In the right network namespace, whichever thread calls.</param>
    /// <param name="onChange">Called for each change, and for everything that may have been missed.</param>
    /// <param name="onTrouble">Told, once for each reason, why nothing is heard.</param>
    /// <param name="clock">Times the next try.</param>
    /// <exception cref="KernelException">Refused the first time.</exception>
    public HostWatch(Func<HostChanges> subscribe, Action onChange, Action<string> onTrouble, TimeProvider clock)
    {
        (_subscribe, _onChange, _onTrouble, _clock) = (subscribe, onChange, onTrouble, clock);
        HostChanges first = subscribe();
        _reading = Task.Run(() => ReadAsync(first));
    }

    public void Dispose()
    {
        _stop.Cancel();
        // The reader ends at once: it only ever waits for the socket or the clock.
        _reading.Wait();
        _stop.Dispose();
    }

    private async Task ReadAsync(HostChanges first)
    {
        HostChanges? current = first;
        string? told = null;
        try
        {
            while (true)
            {
                string? trouble = current is null ? told : await ReadToEndAsync(current);
                if (trouble is not null && trouble != told)
                {
                    _onTrouble(trouble);
                }

                await Task.Delay(BeforeNextTry, _clock, _stop.Token);
                (current, told) = SubscribeAgain(trouble);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Disposed.
        }
    }

    /// <summary>Reads until the subscription breaks, and says how.</summary>
    private async Task<string> ReadToEndAsync(HostChanges current)
    {
        using IDisposable subscription = current.Subscription;
        try
        {
            await foreach (NetworkChange _ in current.Changes(_stop.Token))
            {
                _onChange();
            }

            return "the kernel ended the subscription";
        }
        catch (SocketException broken)
        {
            return broken.Message;
        }
    }

    private (HostChanges? Current, string? Told) SubscribeAgain(string? told)
    {
        try
        {
            HostChanges again = _subscribe();
            // Nobody told what changed meanwhile.
            _onChange();
            return (again, null);
        }
        catch (KernelException refusal)
        {
            if (refusal.Message != told)
            {
                _onTrouble(refusal.Message);
            }

            return (null, refusal.Message);
        }
    }
}
