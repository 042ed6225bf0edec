using System.Runtime.InteropServices;

namespace Datapath.Interop.Libc;

/// <summary>Single calls that have no type of their own.</summary>
public static unsafe class Unix
{
    private const int NoSuchProcess = 3; // ESRCH

    /// <summary>Sends a signal.</summary>
    /// <param name="processId">From 1.</param>
    /// <param name="signal">Its number; 0 only asks whether there is such a process.</param>
    /// <returns>Whether there is such a process.</returns>
    /// <exception cref="KernelException">Not permitted.</exception>
    public static bool Signal(int processId, int signal)
    {
        // 0 and negative numbers mean whole groups of processes.
        ArgumentOutOfRangeException.ThrowIfLessThan(processId, 1);
        if (LibcApi.kill(processId, signal) == 0)
        {
            return true;
        }

        int errno = Marshal.GetLastPInvokeError();
        return errno == NoSuchProcess ? false : throw new KernelException($"send signal {signal} to", $"process {processId}", errno);
    }

    /// <summary>Gives a file to another user and group.</summary>
    /// <param name="path">The file.</param>
    /// <param name="user">The user's number.</param>
    /// <param name="group">The group's number.</param>
    /// <exception cref="KernelException">No such file, or not permitted.</exception>
    public static void ChangeOwner(string path, uint user, uint group)
    {
        fixed (byte* cPath = Utf8Text.ZeroTerminated(path))
        {
            if (LibcApi.chown(cPath, user, group) < 0)
            {
                throw new KernelException("change owner of", path, Marshal.GetLastPInvokeError());
            }
        }
    }
}
