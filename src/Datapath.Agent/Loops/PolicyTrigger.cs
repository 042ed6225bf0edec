using System.Threading.Channels;

namespace Datapath.Agent.Loops;

/// <summary>Why the policy loop has something to do.</summary>
[Flags]
internal enum PolicyChange
{
    /// <summary>It has not.</summary>
    None = 0,

    /// <summary>Something happened in the policy directory.</summary>
    Files = 1,

    /// <summary>Interfaces or addresses of the host are not what they were.</summary>
    Host = 2,

    /// <summary>The kernel refused, and time has passed.</summary>
    Retry = 4,

    /// <summary>It is time to see whether what was applied is still there.</summary>
    Guard = 8,

    /// <summary>What the kernel ends by itself may be over.</summary>
    Lease = 16,

    /// <summary>Somebody wants something.</summary>
    Order = 32,

    /// <summary>What units are has come or gone without notice, and packets are judged accordingly already.</summary>
    Units = 64,
}

/// <summary>The inbox of the policy loop: any number of notices become one, once they have been quiet for a moment.</summary>
/// <param name="clock">What the quiet is measured by.</param>
internal sealed class PolicyTrigger(TimeProvider clock)
{
    /// <summary>An editor's save is several events, and a copy of a directory many: shorter would read half of it.</summary>
    public static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(120);

    /// <summary>However busy the directory is, a change waits no longer than this.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(1);

    // One place: a second wake-up before the first was seen says nothing new.
    private readonly Channel<byte> _wake = Channel.CreateBounded<byte>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite }
    );

    private int _changes;

    /// <summary>Notes a change; never waits. Any thread.</summary>
    /// <param name="change">What happened.</param>
    public void Raise(PolicyChange change)
    {
        Interlocked.Or(ref _changes, (int)change);
        _wake.Writer.TryWrite(0);
    }

    /// <summary>Waits for changes, then for quiet.</summary>
    /// <param name="stop">Ends the wait.</param>
    /// <returns>Everything that was raised meanwhile; <see cref="PolicyChange.None"/> when the last call saw it already.</returns>
    public async Task<PolicyChange> NextAsync(CancellationToken stop)
    {
        await _wake.Reader.ReadAsync(stop);
        long first = clock.GetTimestamp();
        do
        {
            await Task.Delay(Quiet, clock, stop);
        } while (_wake.Reader.TryRead(out _) && clock.GetElapsedTime(first) < LongestWait);

        return (PolicyChange)Interlocked.Exchange(ref _changes, 0);
    }
}
