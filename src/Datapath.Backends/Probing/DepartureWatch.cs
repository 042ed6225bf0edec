using Datapath.Interop.Libc;

namespace Datapath.Backends.Probing;

/// <summary>Sees which probes leave this network namespace, and where, behind every filter.</summary>
internal sealed class DepartureWatch : IDisposable
{
    // How late the last look may be.
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);

    // How long the packets of a busy host are still read for one of ours among them.
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(500);

    // Enough for both headers.
    private const int LongestHeaders = 128;

    // Whatever else the host opens meanwhile must not fill the memory.
    private const int MostKept = 100_000;

    private readonly PacketTap _tap = PacketTap.Open(Look);
    private readonly List<(SentProbe Probe, int Interface)> _left = [];
    private readonly Thread _thread;
    private long _over = long.MaxValue;

    /// <summary>Watches from now on.</summary>
    /// <exception cref="Datapath.Interop.KernelException">Not permitted.</exception>
    public DepartureWatch()
    {
        _thread = new Thread(Watch) { IsBackground = true, Name = "departures" };
        _thread.Start();
    }

    /// <summary>Ends the watch.</summary>
    /// <returns>What left, and by the interface of which index.</returns>
    public IReadOnlyList<(SentProbe Probe, int Interface)> Finish()
    {
        Interlocked.CompareExchange(ref _over, TimeProvider.System.GetTimestamp(), long.MaxValue);
        _thread.Join();
        return _left;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Finish();
        _tap.Dispose();
    }

    // What waits is read to its end, also when it is over: packets that have left already are there. On a busy host there is no end.
    private void Watch()
    {
        byte[] buffer = new byte[LongestHeaders];
        while (_tap.Receive(buffer, out int index, out bool isOutgoing) is var length && (length >= 0 ? !IsLate() : Volatile.Read(ref _over) == long.MaxValue))
        {
            if (length > 0 && isOutgoing && _left.Count < MostKept && SentProbe.Read(buffer.AsSpan(0, length)) is { } probe)
            {
                _left.Add((probe, index));
            }
        }
    }

    private bool IsLate() => Volatile.Read(ref _over) is var over && over != long.MaxValue && TimeProvider.System.GetElapsedTime(over) > Longest;
}
