using System.Runtime.InteropServices;

namespace Datapath.Interop.Libc;

/// <summary>What a directory needs so that a set of files is replaced as one, whatever dies in between.</summary>
public static unsafe class Directories
{
    private const int CurrentDirectory = -100; // AT_FDCWD of linux/fcntl.h
    private const uint ExchangeFlag = 2; // RENAME_EXCHANGE of linux/fs.h

    /// <summary>Two entries take each other's names in one step (<c>renameat2</c>): at any time each name leads to one of the two.</summary>
    /// <param name="one">An entry of a file system.</param>
    /// <param name="other">Another of the same.</param>
    /// <exception cref="KernelException">One is not there, they are on different file systems, or theirs cannot do it (EINVAL).</exception>
    public static void Exchange(string one, string other)
    {
        fixed (byte* cOne = Utf8Text.ZeroTerminated(one), cOther = Utf8Text.ZeroTerminated(other))
        {
            if (LibcApi.renameat2(CurrentDirectory, cOne, CurrentDirectory, cOther, ExchangeFlag) < 0)
            {
                throw new KernelException($"exchange {one} with", other, Marshal.GetLastPInvokeError());
            }
        }
    }

    /// <summary>Waits until the entries of a directory are on the disk: a rename that is not may be forgotten by a power cut.</summary>
    /// <param name="path">The directory.</param>
    /// <exception cref="KernelException">No such directory, or the disk refuses.</exception>
    public static void Flush(string path)
    {
        fixed (byte* cPath = Utf8Text.ZeroTerminated(path))
        {
            int opened = LibcApi.open(cPath, LibcApi.O_RDONLY | LibcApi.O_CLOEXEC, 0);
            if (opened < 0)
            {
                throw new KernelException("open directory", path, Marshal.GetLastPInvokeError());
            }

            using var directory = new FileDescriptor(opened);
            if (LibcApi.fsync(opened) < 0)
            {
                throw new KernelException("flush directory", path, Marshal.GetLastPInvokeError());
            }
        }
    }
}
