using System.Runtime.InteropServices;
using Datapath.Interop.Libc;

namespace Datapath.Interop.Libbpf;

/// <summary>The values of an array map in this process's memory; what is written here the programs see at once.</summary>
/// <remarks>Element i begins at i times the value size rounded up to 8 bytes.</remarks>
public sealed unsafe class MappedArray : SafeHandle
{
    private readonly nuint _mappedBytes;

    private MappedArray(void* start, nuint mappedBytes, int strideBytes, int count)
        : base(0, ownsHandle: true)
    {
        SetHandle((nint)start);
        _mappedBytes = mappedBytes;
        StrideBytes = strideBytes;
        Count = count;
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Distance between elements in bytes: the value size rounded up to 8.</summary>
    public int StrideBytes { get; }

    /// <summary>Elements.</summary>
    public int Count { get; }

    /// <summary>All elements; valid until this object is disposed, so never keep the span.</summary>
    public Span<byte> Bytes
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return new Span<byte>((void*)handle, checked(StrideBytes * Count));
        }
    }

    /// <summary>All elements as values; the stride must be the value's size.</summary>
    /// <typeparam name="T">As large as <see cref="StrideBytes"/>.</typeparam>
    public Span<T> Values<T>()
        where T : unmanaged =>
        sizeof(T) == StrideBytes
            ? MemoryMarshal.Cast<byte, T>(Bytes)
            : throw new InvalidOperationException($"elements are {StrideBytes} bytes apart, but {typeof(T).Name} has {sizeof(T)}");

    /// <summary>Maps an array.</summary>
    /// <param name="map">With BPF_F_MMAPABLE.</param>
    /// <exception cref="KernelException">The kernel refused.</exception>
    internal static MappedArray Of(BpfMap map)
    {
        int stride = (map.ValueBytes + 7) & ~7;
        nuint bytes = (nuint)stride * map.MaxEntries;
        nuint pageMask = (nuint)Environment.SystemPageSize - 1;
        nuint mapped = (bytes + pageMask) & ~pageMask;
        using FileDescriptor.Lease fd = map.Descriptor.Borrow();
        void* start = LibcApi.mmap(null, mapped, LibcApi.PROT_READ | LibcApi.PROT_WRITE, LibcApi.MAP_SHARED, fd.Number, 0);
        return (nint)start != -1
            ? new MappedArray(start, mapped, stride, (int)map.MaxEntries)
            : throw new KernelException("map into memory", map.Name, Marshal.GetLastPInvokeError());
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => LibcApi.munmap((void*)handle, _mappedBytes) == 0;
}
