using System.Runtime.InteropServices;

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
    /// <exception cref="KernelException">EINVAL on a kernel with <c>nohz_full</c>, ENOSYS without membarrier(2).</exception>
    /// <remarks>The command is synchronize_rcu() in the kernel, and tc and XDP programs run inside RCU.</remarks>
    public static void Wait()
    {
        if (LibcApi.syscall(MembarrierNumber, GlobalBarrier, 0, 0) < 0)
        {
            throw new KernelException("wait for", "grace period", Marshal.GetLastPInvokeError());
        }
    }
}
