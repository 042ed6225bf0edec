using System.Runtime.InteropServices;

namespace Datapath.Interop.Libc;

/// <summary>A cgroup of the unified hierarchy, held open.</summary>
/// <remarks>Held open, a cgroup that is removed keeps its id; the directory is gone all the same.</remarks>
public sealed unsafe class Cgroup : IDisposable
{
    private const int KernfsHandle = 0xfe; // FILEID_KERNFS of linux/exportfs.h
    private const int CurrentDirectory = -100; // AT_FDCWD of linux/fcntl.h

    private Cgroup(FileDescriptor descriptor) => Descriptor = descriptor;

    internal FileDescriptor Descriptor { get; }

    /// <summary>Opens a cgroup.</summary>
    /// <param name="path">Its directory.</param>
    /// <exception cref="KernelException">No such directory (ENOENT).</exception>
    public static Cgroup Open(string path)
    {
        fixed (byte* cPath = Utf8Text.ZeroTerminated(path))
        {
            int opened = LibcApi.open(cPath, LibcApi.O_RDONLY | LibcApi.O_CLOEXEC, 0);
            return opened >= 0
                ? new Cgroup(new FileDescriptor(opened))
                : throw new KernelException("open cgroup", path, Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>The number by which the kernel and its programs know a cgroup; none has it again.</summary>
    /// <param name="path">Its directory.</param>
    /// <returns>Null when there is no such directory.</returns>
    /// <remarks>The file handle of a cgroup is its id (kernfs_encode_fh of fs/kernfs/mount.c).</remarks>
    /// <exception cref="KernelException">Not permitted, or no file system that has handles.</exception>
    public static ulong? FindId(string path)
    {
        var handle = new Handle { Bytes = sizeof(ulong) };
        int mount;
        fixed (byte* cPath = Utf8Text.ZeroTerminated(path))
        {
            if (LibcApi.name_to_handle_at(CurrentDirectory, cPath, &handle, &mount, flags: 0) == 0)
            {
                return handle.Id;
            }
        }

        int errno = Marshal.GetLastPInvokeError();
        // ENODEV: removed while we asked.
        return errno is Errno.NoEntry or Errno.NoDevice ? null : throw new KernelException("ask for the id of cgroup", path, errno);
    }

    /// <summary>The directory of a cgroup whose id is known.</summary>
    /// <param name="root">Where the hierarchy is mounted.</param>
    /// <param name="id">The id.</param>
    /// <returns>Null when it is gone, or cannot be asked for.</returns>
    public static string? FindPath(Cgroup root, ulong id)
    {
        ArgumentNullException.ThrowIfNull(root);
        var handle = new Handle { Bytes = sizeof(ulong), Type = KernfsHandle, Id = id };
        using FileDescriptor.Lease fd = root.Descriptor.Borrow();
        int opened = LibcApi.open_by_handle_at(fd.Number, &handle, LibcApi.O_RDONLY | LibcApi.O_CLOEXEC);
        if (opened < 0)
        {
            return null;
        }

        using var cgroup = new FileDescriptor(opened);
        return new FileInfo($"/proc/self/fd/{opened}").LinkTarget;
    }

    /// <inheritdoc/>
    public void Dispose() => Descriptor.Dispose();

    /// <summary><c>struct file_handle</c> of fcntl.h, with room for a cgroup's.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 16)]
    private struct Handle
    {
        [FieldOffset(0)]
        public uint Bytes;

        [FieldOffset(4)]
        public int Type;

        [FieldOffset(8)]
        public ulong Id;
    }
}
