namespace Datapath.Interop.Libc;

/// <summary>The kernel's tick.</summary>
public static unsafe class KernelClock
{
    // CLOCK_MONOTONIC_COARSE of linux/time.h, whose resolution is one tick (kernel/time/posix-timers.c).
    private const int MonotonicCoarse = 6;

    // CLOCK_BOOTTIME of linux/time.h.
    private const int Boottime = 7;

    /// <summary>Time since the machine was started, sleep included: what <c>bpf_ktime_get_boot_ns</c> gives programs.</summary>
    /// <exception cref="KernelException">The kernel has no such clock.</exception>
    public static TimeSpan SinceBoot()
    {
        Timespec now = default;
        return LibcApi.clock_gettime(Boottime, &now) == 0
            ? TimeSpan.FromSeconds(now.Seconds) + TimeSpan.FromTicks(now.Nanoseconds / TimeSpan.NanosecondsPerTick)
            : throw new KernelException("read", "CLOCK_BOOTTIME", Errno.Invalid);
    }

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
