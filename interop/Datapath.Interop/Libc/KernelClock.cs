using System.Runtime.InteropServices;

namespace Datapath.Interop.Libc;

/// <summary>The kernel's tick, and what it thinks of its wall clock.</summary>
public static unsafe class KernelClock
{
    // CLOCK_MONOTONIC_COARSE of linux/time.h, whose resolution is one tick (kernel/time/posix-timers.c).
    private const int MonotonicCoarse = 6;

    private const ulong SecondsBeforeOverflow = 300;

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

    // struct timex of sys/timex.h is 208 bytes on 64-bit machines, and its first number says what to change: 0, nothing.
    private const int TimexBytes = 208;
    private const int NotSynchronised = 5; // TIME_ERROR of sys/timex.h

    /// <summary>Whether something like an NTP client tells the kernel that its wall clock is right.</summary>
    /// <exception cref="KernelException">Refused, by a filter of system calls.</exception>
    public static bool IsSynchronised()
    {
        byte* state = stackalloc byte[TimexBytes];
        new Span<byte>(state, TimexBytes).Clear();
        int result = LibcApi.adjtimex(state);
        return result >= 0 ? result != NotSynchronised : throw new KernelException("read state of", "the clock", Marshal.GetLastPInvokeError());
    }

    /// <summary>
    /// The kernel's 64-bit count of jiffies, within a second or two: it begins five minutes before it overflows 32 bits (INITIAL_JIFFIES of
    /// linux/jiffies.h) and stands still while the machine sleeps, as the monotonic clock does.
    /// </summary>
    /// <exception cref="KernelException">The kernel has no coarse clock.</exception>
    public static ulong Jiffies()
    {
        Timespec now = default;
        if (LibcApi.clock_gettime(MonotonicCoarse, &now) < 0)
        {
            throw new KernelException("read", "CLOCK_MONOTONIC_COARSE", Errno.Invalid);
        }

        ulong perSecond = (ulong)JiffiesPerSecond();
        return (1ul << 32) - (SecondsBeforeOverflow * perSecond) + ((ulong)now.Seconds * perSecond);
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
