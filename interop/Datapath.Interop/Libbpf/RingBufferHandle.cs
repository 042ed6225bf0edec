using System.Runtime.InteropServices;

namespace Datapath.Interop.Libbpf;

/// <summary>libbpf's ring buffer and the handle by which its callbacks find the managed one.</summary>
internal sealed unsafe class RingBufferHandle : SafeHandle
{
    // Weak: a strong one would keep an undisposed ring alive for ever.
    private GCHandle _owner;

    internal RingBufferHandle(RingBuffer owner)
        : base(0, ownsHandle: true) => _owner = GCHandle.Alloc(owner, GCHandleType.Weak);

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0 && !_owner.IsAllocated;

    /// <summary>libbpf's pointer.</summary>
    internal ring_buffer* Buffer
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return (ring_buffer*)handle;
        }
    }

    /// <summary>Has libbpf map the buffer.</summary>
    internal void Open(int map, delegate* unmanaged[Cdecl]<void*, void*, nuint, int> callback, string name)
    {
        SetHandle((nint)LibbpfApi.ring_buffer__new(map, callback, (void*)GCHandle.ToIntPtr(_owner), null));
        if (handle == 0)
        {
            throw new KernelException("read ring buffer", name, Marshal.GetLastPInvokeError());
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        if (handle != 0)
        {
            LibbpfApi.ring_buffer__free((ring_buffer*)handle);
        }

        _owner.Free();
        return true;
    }
}
