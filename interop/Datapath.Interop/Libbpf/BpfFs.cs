using System.Runtime.InteropServices;
using Datapath.Interop.Libc;

namespace Datapath.Interop.Libbpf;

/// <summary>The file system in which BPF objects are pinned.</summary>
public static unsafe class BpfFs
{
    // BPF_FS_MAGIC of linux/magic.h.
    private const long Magic = 0xcafe4a11;

    // fsopen(2), the same number on every architecture, and FSOPEN_CLOEXEC of linux/mount.h.
    private const int OpenFileSystem = 430;
    private const int CloseOnExec = 1;

    /// <summary>Whether a path lies in a bpf file system.</summary>
    /// <param name="path">An existing directory; anything else is a no.</param>
    public static bool IsMounted(string path)
    {
        Statfs statfs = default;
        fixed (byte* cPath = Utf8Text.ZeroTerminated(path))
        {
            return LibcApi.statfs(cPath, &statfs) == 0 && statfs.Type == Magic;
        }
    }

    /// <summary>Opens a bpf file system for mounting and lets it go again: nothing is mounted.</summary>
    /// <exception cref="KernelException">Not permitted, no such file system (ENODEV), or a kernel before 5.2 (ENOSYS).</exception>
    internal static void RequireMountable()
    {
        fixed (byte* type = "bpf\0"u8)
        {
            nint result = LibcApi.syscall(OpenFileSystem, (nint)type, CloseOnExec, 0);
            if (result < 0)
            {
                throw new KernelException("open", "a bpf file system", Marshal.GetLastPInvokeError());
            }

            using var context = new FileDescriptor((int)result);
        }
    }

    /// <summary>Mounts a bpf file system on a directory, unless there is one.</summary>
    /// <param name="path">Made when missing, for root only.</param>
    /// <returns>Whether this call mounted it.</returns>
    /// <exception cref="KernelException">Not permitted, or the kernel has no such file system (ENODEV).</exception>
    public static bool Mount(string path)
    {
        if (IsMounted(path))
        {
            return false;
        }

        Directory.CreateDirectory(path);
        fixed (byte* cPath = Utf8Text.ZeroTerminated(path), type = "bpf\0"u8, mode = "mode=0700\0"u8)
        {
            if (LibcApi.mount(type, cPath, type, 0, mode) < 0)
            {
                throw new KernelException("mount bpf file system on", path, Marshal.GetLastPInvokeError());
            }
        }

        return true;
    }

    /// <summary>Unmounts what <see cref="Mount"/> mounted; its pins go with it.</summary>
    /// <param name="path">The mount point.</param>
    /// <exception cref="KernelException">In use (EBUSY), or not a mount point.</exception>
    public static void Unmount(string path)
    {
        fixed (byte* cPath = Utf8Text.ZeroTerminated(path))
        {
            if (LibcApi.umount2(cPath, 0) < 0)
            {
                throw new KernelException("unmount", path, Marshal.GetLastPInvokeError());
            }
        }
    }

    /// <summary>Removes a pin; what it pinned lives on while something else holds it.</summary>
    /// <param name="path">In a bpf file system.</param>
    /// <returns>Whether it was there.</returns>
    /// <exception cref="KernelException">Not permitted.</exception>
    /// <remarks>The kernel lets go some milliseconds later, after a grace period: to detach now, call <see cref="BpfLink.Detach"/> first.</remarks>
    public static bool Unpin(string path)
    {
        fixed (byte* cPath = Utf8Text.ZeroTerminated(path))
        {
            if (LibcApi.unlink(cPath) == 0)
            {
                return true;
            }
        }

        int errno = Marshal.GetLastPInvokeError();
        return errno == Errno.NoEntry ? false : throw new KernelException("unpin", path, errno);
    }

    /// <summary>Opens what is pinned at a path.</summary>
    internal static FileDescriptor OpenPin(string path)
    {
        fixed (byte* cPath = Utf8Text.ZeroTerminated(path))
        {
            return new FileDescriptor(KernelException.Check(LibbpfApi.bpf_obj_get(cPath), "open pin", path));
        }
    }

    /// <summary>Pins what a descriptor holds.</summary>
    internal static void Pin(FileDescriptor descriptor, string path)
    {
        using FileDescriptor.Lease fd = descriptor.Borrow();
        fixed (byte* cPath = Utf8Text.ZeroTerminated(path))
        {
            KernelException.Check(LibbpfApi.bpf_obj_pin(fd.Number, cPath), "pin at", path);
        }
    }
}
