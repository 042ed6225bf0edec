using System.Runtime.InteropServices;

namespace Datapath.Interop.Libc;

/// <summary>The limit on locked memory, which kernels before 5.11 charge maps to.</summary>
public static unsafe class LockedMemory
{
    /// <summary>Lifts the limit of this process.</summary>
    /// <exception cref="KernelException">Needs CAP_SYS_RESOURCE (EPERM).</exception>
    public static void RaiseLimit()
    {
        // RLIM_INFINITY for the soft and the hard limit.
        ulong* limit = stackalloc ulong[] { ulong.MaxValue, ulong.MaxValue };
        if (LibcApi.setrlimit(LibcApi.RLIMIT_MEMLOCK, limit) < 0)
        {
            throw new KernelException("raise", "limit of locked memory", Marshal.GetLastPInvokeError());
        }
    }
}
