using System.Runtime.InteropServices;
using Datapath.Interop.Libbpf;

namespace Datapath.Interop.Libc;

/// <summary>Waits until every program that was running has ended.</summary>
public static class GracePeriod
{
    private const int GlobalBarrier = 1; // MEMBARRIER_CMD_GLOBAL of linux/membarrier.h

    private static int MembarrierNumber => RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 324,
        Architecture.Arm64 => 283,
        Architecture other => throw new PlatformNotSupportedException($"membarrier(2) on {other}"),
    };

    /// <summary>Returns when what programs read before the call is read by none any more; some tens of milliseconds.</summary>
    /// <exception cref="KernelException">The kernel refused.</exception>
    /// <remarks>The command is synchronize_rcu() in the kernel, and tc and XDP programs run inside RCU.</remarks>
    public static void Wait()
    {
        if (LibcApi.syscall(MembarrierNumber, GlobalBarrier, 0, 0) >= 0)
        {
            return;
        }

        int errno = Marshal.GetLastPInvokeError();
        // EINVAL: a kernel with nohz_full. ENOSYS: one without membarrier(2), or a filter of system calls.
        if (errno is not (Errno.Invalid or Errno.NoSystemCall))
        {
            throw new KernelException("wait for", "grace period", errno);
        }

        WaitByMapOfMaps();
    }

    /// <summary>
    /// The same without membarrier(2): who has replaced a map inside a map may rely on no program using the old one any more, so the kernel
    /// waits before it answers (maybe_wait_bpf_programs in kernel/bpf/syscall.c, since 4.20).
    /// </summary>
    internal static void WaitByMapOfMaps()
    {
        using BpfMap inner = BpfMap.Create(BpfMapType.Array, "dp_wait_inner", sizeof(uint), sizeof(uint), maxEntries: 1);
        using BpfMap outer = BpfMap.CreateArrayOf(inner, "dp_wait_outer");
        using FileDescriptor.Lease held = inner.Descriptor.Borrow();
        outer.Update(0u, (uint)held.Number);
    }
}
