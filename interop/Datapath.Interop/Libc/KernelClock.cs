namespace Datapath.Interop.Libc;

/// <summary>The kernel's tick.</summary>
public static unsafe class KernelClock
{
    // CLOCK_MONOTONIC_COARSE of linux/time.h, whose resolution is one tick (kernel/time/posix-timers.c).
    private const int MonotonicCoarse = 6;

    /// <summary>Jiffies in a second (CONFIG_HZ): 100, 250, 300 or 1000 on most kernels.</summary>
    /// <exception cref="KernelException">The kernel has no coarse clock.</exception>
    public static int JiffiesPerSecond()
    {
        Timespec resolution = default;
        if (LibcApi.clock_getres(MonotonicCoarse, &resolution) < 0 || resolution.Nanoseconds == 0)
        {
            throw new KernelException("read resolution of", "CLOCK_MONOTONIC_COARSE", Errno.Invalid);
        }

        return (int)Math.Round(1e9 / resolution.Nanoseconds);
    }
}
