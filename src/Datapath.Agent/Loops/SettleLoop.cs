using Datapath.Backends.Host;

namespace Datapath.Agent.Loops;

/// <summary>Makes the agent small again when nothing has changed for a while: most of its memory is what a start or an apply needed.</summary>
/// <param name="backend">Has memory of its own to let go of.</param>
/// <param name="generation">The generation that packets are judged by now; 0 for none.</param>
/// <param name="clock">Times the wait.</param>
internal sealed class SettleLoop(SharedBackend backend, Func<uint> generation, TimeProvider clock)
{
    /// <summary>Longer than a person's edits are apart who tries something, and than a host's changes come one after the other.</summary>
    public static readonly TimeSpan Quiet = TimeSpan.FromSeconds(10);

    // A collection that moves everything takes a millisecond for each megabyte or so, and nobody reads the kernel's events meanwhile.
    private const long LargestHeapBytes = 256 << 20;

    /// <summary>Runs until it is stopped.</summary>
    /// <param name="stop">Stops it.</param>
    public async Task RunAsync(CancellationToken stop)
    {
        uint settled = 0;
        uint seen = 0;
        using PeriodicTimer timer = new(Quiet, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                uint now = generation();
                if (now == seen && now != settled)
                {
                    Settle();
                    settled = now;
                }

                seen = now;
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The end lets go of everything.
        }
    }

    private void Settle()
    {
        backend.Ask(kernel =>
        {
            kernel.Settle();
            return true;
        });
        if (GC.GetTotalMemory(forceFullCollection: false) <= LargestHeapBytes)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }

        ProcessMemory.ReleaseFiles();
    }
}
