using System.Runtime.InteropServices;

namespace Datapath.Interop.Libc;

/// <summary>An open file descriptor that closes itself.</summary>
public sealed class FileDescriptor : SafeHandle
{
    /// <summary>Takes over a descriptor.</summary>
    /// <param name="descriptor">Open, from now on ours to close.</param>
    internal FileDescriptor(int descriptor)
        : base(-1, ownsHandle: true) => SetHandle(descriptor);

    /// <inheritdoc/>
    public override bool IsInvalid => handle < 0;

    /// <summary>The number, held open until the lease is disposed, whoever disposes this object meanwhile.</summary>
    internal Lease Borrow() => new(this);

    /// <summary>A second descriptor of the same open object, closed on exec.</summary>
    /// <exception cref="KernelException">Too many open files.</exception>
    internal static FileDescriptor DuplicateOf(int descriptor, string subject)
    {
        int copy = LibcApi.fcntl(descriptor, LibcApi.F_DUPFD_CLOEXEC, 3);
        return copy >= 0
            ? new FileDescriptor(copy)
            : throw new KernelException("duplicate descriptor of", subject, Marshal.GetLastPInvokeError());
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => LibcApi.close((int)handle) == 0;

    /// <summary>The right to use the number for the length of a call.</summary>
    internal readonly ref struct Lease
    {
        private readonly FileDescriptor _owner;

        internal Lease(FileDescriptor owner)
        {
            bool added = false;
            owner.DangerousAddRef(ref added);
            _owner = owner;
        }

        /// <summary>The descriptor's number.</summary>
        internal int Number => (int)_owner.handle;

        /// <summary>Gives the number back.</summary>
        public void Dispose() => _owner.DangerousRelease();
    }
}
