using System.Globalization;
using System.Runtime.InteropServices;

namespace Datapath.Interop.Libc;

/// <summary>Single calls that have no type of their own.</summary>
public static unsafe class Unix
{
    private const int NoSuchProcess = 3; // ESRCH
    private const int StandardStreams = 3;
    private const string OwnDescriptors = "/proc/self/fd";
    private const string Nothing = "/dev/null";

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

    /// <summary>
    /// Makes /dev/null of the three standard streams and of every copy of them: whoever holds the other end of a pipe sees it closed.
    /// </summary>
    /// <remarks>.NET's console writes to a copy of its own.</remarks>
    /// <exception cref="KernelException">There is no /dev/null.</exception>
    public static void SilenceStandardStreams()
    {
        Dictionary<int, string?> open = Directory.GetFiles(OwnDescriptors).ToDictionary(path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture), TargetOf);
        string?[] standard = [.. Enumerable.Range(0, StandardStreams).Select(stream => open.GetValueOrDefault(stream))];
        fixed (byte* path = Utf8Text.ZeroTerminated(Nothing))
        {
            int nothing = LibcApi.open(path, LibcApi.O_RDWR | LibcApi.O_CLOEXEC, mode: 0);
            if (nothing < 0)
            {
                throw new KernelException("open", Nothing, Marshal.GetLastPInvokeError());
            }

            foreach (int descriptor in open.Where(one => one.Value is not null && standard.Contains(one.Value)).Select(one => one.Key))
            {
                if (LibcApi.dup2(nothing, descriptor) < 0)
                {
                    throw new KernelException("replace", $"descriptor {descriptor}", Marshal.GetLastPInvokeError());
                }
            }

            LibcApi.close(nothing);
        }
    }

    // Null for one that is closed by now: that by which the directory was read.
    private static string? TargetOf(string path) => new FileInfo(path).LinkTarget;

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
