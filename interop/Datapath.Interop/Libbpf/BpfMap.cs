using System.Runtime.CompilerServices;
using Datapath.Interop.Libc;

namespace Datapath.Interop.Libbpf;

/// <summary>A map in the kernel, held by a descriptor of its own.</summary>
/// <remarks>
/// Sizes of keys and values are compared with the map's at every typed call: a struct that drifted from the loaded
/// object is a bug of ours and stops as <see cref="InvalidOperationException"/>, not as an entry with shifted fields.
/// </remarks>
public sealed partial class BpfMap : IDisposable
{
    /// <summary>BPF_F_MMAPABLE of linux/bpf.h: a flag of arrays that user space may map.</summary>
    internal const uint Mappable = 1 << 10;

    private readonly FileDescriptor _descriptor;

    private BpfMap(FileDescriptor descriptor, string? fullName)
    {
        _descriptor = descriptor;
        bpf_map_info info = KernelObjects.MapInfo(descriptor, fullName ?? "map");
        Id = info.id;
        // The kernel keeps 15 bytes of a name; the object file knows all of it.
        Name = fullName ?? Utf8Text.FromField(info.name);
        Type = (BpfMapType)info.type;
        KeyBytes = (int)info.key_size;
        ValueBytes = (int)info.value_size;
        MaxEntries = info.max_entries;
        Flags = info.map_flags;
    }

    /// <summary>The kernel's id of the map.</summary>
    public uint Id { get; }

    /// <summary>The name in the object file, or the first 15 bytes of it when opened by id or pin.</summary>
    public string Name { get; }

    /// <summary>The kind of map.</summary>
    public BpfMapType Type { get; }

    /// <summary>Size of a key in bytes; 0 for a ring buffer.</summary>
    public int KeyBytes { get; }

    /// <summary>Size of a value in bytes, on one CPU for per-CPU maps; 0 for a ring buffer.</summary>
    public int ValueBytes { get; }

    /// <summary>Capacity in entries; in bytes for a ring buffer.</summary>
    public uint MaxEntries { get; }

    /// <summary>BPF_F_* flags of linux/bpf.h.</summary>
    public uint Flags { get; }

    /// <summary>The descriptor, for callers inside this assembly.</summary>
    internal FileDescriptor Descriptor => _descriptor;

    private bool IsPerCpu => Type is BpfMapType.PerCpuArray or BpfMapType.PerCpuHash or BpfMapType.LruPerCpuHash;

    /// <summary>Makes a map that belongs to no object file.</summary>
    /// <param name="type">The kind.</param>
    /// <param name="name">At most 15 bytes.</param>
    /// <param name="keyBytes">Size of a key.</param>
    /// <param name="valueBytes">Size of a value.</param>
    /// <param name="maxEntries">Capacity; bytes for a ring buffer.</param>
    /// <param name="flags">BPF_F_* flags of linux/bpf.h.</param>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public static unsafe BpfMap Create(BpfMapType type, string name, int keyBytes, int valueBytes, uint maxEntries, uint flags = 0)
    {
        var options = new bpf_map_create_opts { sz = (nuint)sizeof(bpf_map_create_opts), map_flags = flags };
        fixed (byte* cName = Utf8Text.ZeroTerminated(name))
        {
            int result = LibbpfApi.bpf_map_create((bpf_map_type)type, cName, (uint)keyBytes, (uint)valueBytes, maxEntries, &options);
            return Own(new FileDescriptor(KernelException.Check(result, "create map", name)), name);
        }
    }

    /// <summary>Makes an array of one map.</summary>
    /// <param name="inner">What it will hold, or something of the same shape.</param>
    /// <param name="name">At most 15 bytes.</param>
    /// <exception cref="KernelException">The kernel refused.</exception>
    internal static unsafe BpfMap CreateArrayOf(BpfMap inner, string name)
    {
        using FileDescriptor.Lease template = inner.Descriptor.Borrow();
        var options = new bpf_map_create_opts { sz = (nuint)sizeof(bpf_map_create_opts), inner_map_fd = (uint)template.Number };
        fixed (byte* cName = Utf8Text.ZeroTerminated(name))
        {
            int result = LibbpfApi.bpf_map_create((bpf_map_type)BpfMapType.ArrayOfMaps, cName, sizeof(uint), sizeof(uint), 1, &options);
            return Own(new FileDescriptor(KernelException.Check(result, "create map", name)), name);
        }
    }

    /// <summary>Opens a pinned map.</summary>
    /// <param name="path">In a bpf file system.</param>
    /// <exception cref="KernelException">Nothing there (ENOENT), or not a map.</exception>
    public static BpfMap OpenPinned(string path) => Own(BpfFs.OpenPin(path), fullName: null);

    /// <summary>Opens a map by its kernel id.</summary>
    /// <param name="id">From <see cref="KernelObjects"/>.</param>
    /// <exception cref="KernelException">Gone meanwhile (ENOENT).</exception>
    public static BpfMap OpenById(uint id)
    {
        int result = LibbpfApi.bpf_map_get_fd_by_id(id);
        return Own(new FileDescriptor(KernelException.Check(result, "open map", $"id {id}")), fullName: null);
    }

    /// <summary>Pins the map, which then outlives every process.</summary>
    /// <param name="path">In a bpf file system; must not exist.</param>
    /// <exception cref="KernelException">The kernel refused; EEXIST when the path is taken.</exception>
    public void Pin(string path) => BpfFs.Pin(_descriptor, path);

    /// <summary>Makes the map read-only for user space from now on.</summary>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public void Freeze()
    {
        using FileDescriptor.Lease fd = _descriptor.Borrow();
        KernelException.Check(LibbpfApi.bpf_map_freeze(fd.Number), "freeze map", Name);
    }

    /// <summary>Maps the values of an array with BPF_F_MMAPABLE into this process.</summary>
    /// <exception cref="KernelException">The map is not mmapable.</exception>
    public MappedArray MapMemory() => MappedArray.Of(this);

    /// <inheritdoc/>
    public void Dispose() => _descriptor.Dispose();

    /// <inheritdoc/>
    public override string ToString() => $"map {Name} (id {Id})";

    /// <summary>Takes over a descriptor.</summary>
    internal static BpfMap Own(FileDescriptor descriptor, string? fullName)
    {
        try
        {
            return new BpfMap(descriptor, fullName);
        }
        catch
        {
            descriptor.Dispose();
            throw;
        }
    }

    private void RequireSizes<TKey>()
        where TKey : unmanaged => Require<TKey>(KeyBytes, "key");

    /// <summary>Stops a program whose structs are not the map's.</summary>
    internal void RequireSizes<TKey, TValue>()
        where TKey : unmanaged
        where TValue : unmanaged
    {
        Require<TKey>(KeyBytes, "key");
        Require<TValue>(ValueBytes, "value");
    }

    private void Require<T>(int expectedBytes, string part)
        where T : unmanaged
    {
        if (Unsafe.SizeOf<T>() != expectedBytes)
        {
            throw new InvalidOperationException(
                $"map {Name} has a {part} of {expectedBytes} bytes, but {typeof(T).Name} has {Unsafe.SizeOf<T>()}");
        }
    }
}
