using System.Runtime.CompilerServices;
using Datapath.Interop.Libc;

namespace Datapath.Interop.Libbpf;

/// <content>One entry at a time.</content>
public sealed unsafe partial class BpfMap
{
    /// <summary>Reads an entry.</summary>
    /// <typeparam name="TKey">As large as the map's key.</typeparam>
    /// <typeparam name="TValue">As large as the map's value.</typeparam>
    /// <param name="key">The key.</param>
    /// <param name="value">The value, or zeros.</param>
    /// <returns>Whether there is such an entry.</returns>
    /// <exception cref="KernelException">The kernel refused for another reason than ENOENT.</exception>
    public bool TryLookup<TKey, TValue>(TKey key, out TValue value)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        RequireSizes<TKey, TValue>();
        RequireOneValue();
        TValue found = default;
        using FileDescriptor.Lease fd = _descriptor.Borrow();
        bool exists = Exists(LibbpfApi.bpf_map_lookup_elem(fd.Number, &key, &found), "look up in map");
        value = found;
        return exists;
    }

    /// <summary>Reads an entry that must be there, such as an array's.</summary>
    /// <typeparam name="TKey">As large as the map's key.</typeparam>
    /// <typeparam name="TValue">As large as the map's value.</typeparam>
    /// <param name="key">The key.</param>
    /// <exception cref="KernelException">No such entry (ENOENT), or refused.</exception>
    public TValue Lookup<TKey, TValue>(TKey key)
        where TKey : unmanaged
        where TValue : unmanaged =>
        TryLookup(key, out TValue value) ? value : throw new KernelException("look up in map", Name, Errno.NoEntry);

    /// <summary>Writes an entry.</summary>
    /// <typeparam name="TKey">As large as the map's key.</typeparam>
    /// <typeparam name="TValue">As large as the map's value.</typeparam>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    /// <param name="mode">What may be there already.</param>
    /// <exception cref="KernelException">The map is full (E2BIG), the mode forbids it, or refused.</exception>
    public void Update<TKey, TValue>(TKey key, TValue value, MapUpdate mode = MapUpdate.Any)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        RequireSizes<TKey, TValue>();
        RequireOneValue();
        using FileDescriptor.Lease fd = _descriptor.Borrow();
        KernelException.Check(LibbpfApi.bpf_map_update_elem(fd.Number, &key, &value, (ulong)mode), "update map", Name);
    }

    /// <summary>Puts a value on a stack, which has no keys.</summary>
    /// <typeparam name="TValue">As large as the map's value.</typeparam>
    /// <param name="value">The value.</param>
    /// <exception cref="KernelException">The map is full (E2BIG), or refused.</exception>
    public void Push<TValue>(TValue value)
        where TValue : unmanaged
    {
        Require<TValue>(ValueBytes, "value");
        RequireLength(0, KeyBytes, "key");
        using FileDescriptor.Lease fd = _descriptor.Borrow();
        KernelException.Check(LibbpfApi.bpf_map_update_elem(fd.Number, null, &value, 0), "push to map", Name);
    }

    /// <summary>Removes an entry.</summary>
    /// <typeparam name="TKey">As large as the map's key.</typeparam>
    /// <param name="key">The key.</param>
    /// <returns>Whether it was there.</returns>
    /// <exception cref="KernelException">The kernel refused for another reason than ENOENT.</exception>
    public bool Delete<TKey>(TKey key)
        where TKey : unmanaged
    {
        RequireSizes<TKey>();
        using FileDescriptor.Lease fd = _descriptor.Borrow();
        return Exists(LibbpfApi.bpf_map_delete_elem(fd.Number, &key), "delete from map");
    }

    /// <summary>Reads an entry of bytes, for values whose size only the map knows.</summary>
    /// <param name="key">As long as the map's key.</param>
    /// <param name="value">As long as the map's value.</param>
    /// <returns>Whether there is such an entry.</returns>
    /// <exception cref="KernelException">The kernel refused for another reason than ENOENT.</exception>
    public bool TryLookup(ReadOnlySpan<byte> key, Span<byte> value)
    {
        RequireOneValue();
        RequireLength(key.Length, KeyBytes, "key");
        RequireLength(value.Length, ValueBytes, "value");
        using FileDescriptor.Lease fd = _descriptor.Borrow();
        fixed (byte* k = key, v = value)
        {
            return Exists(LibbpfApi.bpf_map_lookup_elem(fd.Number, k, v), "look up in map");
        }
    }

    /// <summary>Writes an entry of bytes.</summary>
    /// <param name="key">As long as the map's key.</param>
    /// <param name="value">As long as the map's value.</param>
    /// <param name="mode">What may be there already.</param>
    /// <exception cref="KernelException">The map is full (E2BIG), the mode forbids it, or refused.</exception>
    public void Update(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, MapUpdate mode = MapUpdate.Any)
    {
        RequireOneValue();
        RequireLength(key.Length, KeyBytes, "key");
        RequireLength(value.Length, ValueBytes, "value");
        using FileDescriptor.Lease fd = _descriptor.Borrow();
        fixed (byte* k = key, v = value)
        {
            KernelException.Check(LibbpfApi.bpf_map_update_elem(fd.Number, k, v, (ulong)mode), "update map", Name);
        }
    }

    /// <summary>Puts a map into an entry of a map of maps.</summary>
    /// <typeparam name="TKey">As large as the map's key.</typeparam>
    /// <param name="key">The key.</param>
    /// <param name="inner">Of the declared inner type.</param>
    /// <exception cref="KernelException">Another type of map (EINVAL), or refused.</exception>
    public void UpdateInner<TKey>(TKey key, BpfMap inner)
        where TKey : unmanaged
    {
        using FileDescriptor.Lease innerFd = inner.Descriptor.Borrow();
        Update(key, innerFd.Number);
    }

    /// <summary>Reads one value for each possible CPU.</summary>
    /// <typeparam name="TKey">As large as the map's key.</typeparam>
    /// <typeparam name="TValue">As large as the map's value.</typeparam>
    /// <param name="key">The key.</param>
    /// <returns>Indexed by CPU; null when there is no such entry.</returns>
    /// <exception cref="KernelException">The kernel refused for another reason than ENOENT.</exception>
    public TValue[]? LookupPerCpu<TKey, TValue>(TKey key)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        RequireSizes<TKey, TValue>();
        RequirePerCpu();
        int stride = PerCpuStride;
        var bytes = new byte[stride * PossibleCpus.Count];
        using FileDescriptor.Lease fd = _descriptor.Borrow();
        fixed (byte* buffer = bytes)
        {
            if (!Exists(LibbpfApi.bpf_map_lookup_elem(fd.Number, &key, buffer), "look up in map"))
            {
                return null;
            }
        }

        return PerCpuValues<TValue>(bytes, stride);
    }

    /// <summary>Writes the same value for every possible CPU, as zeroing a counter does.</summary>
    /// <typeparam name="TKey">As large as the map's key.</typeparam>
    /// <typeparam name="TValue">As large as the map's value.</typeparam>
    /// <param name="key">The key.</param>
    /// <param name="value">For each CPU.</param>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public void UpdatePerCpu<TKey, TValue>(TKey key, TValue value)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        RequireSizes<TKey, TValue>();
        RequirePerCpu();
        int stride = PerCpuStride;
        var bytes = new byte[stride * PossibleCpus.Count];
        for (int cpu = 0; cpu < PossibleCpus.Count; cpu++)
        {
            Unsafe.WriteUnaligned(ref bytes[cpu * stride], value);
        }

        using FileDescriptor.Lease fd = _descriptor.Borrow();
        fixed (byte* buffer = bytes)
        {
            KernelException.Check(LibbpfApi.bpf_map_update_elem(fd.Number, &key, buffer, 0), "update map", Name);
        }
    }

    // The kernel lays per-CPU values out in steps of 8 bytes, whatever the value's own size.
    private int PerCpuStride => (ValueBytes + 7) & ~7;

    private static TValue[] PerCpuValues<TValue>(ReadOnlySpan<byte> bytes, int stride)
        where TValue : unmanaged
    {
        var values = new TValue[bytes.Length / stride];
        for (int cpu = 0; cpu < values.Length; cpu++)
        {
            values[cpu] = Unsafe.ReadUnaligned<TValue>(in bytes[cpu * stride]);
        }

        return values;
    }

    // A per-CPU map writes a value for every CPU into the buffer: one value's room would be overrun.
    private void RequireOneValue()
    {
        if (IsPerCpu)
        {
            throw new InvalidOperationException($"map {Name} has a value per CPU");
        }
    }

    private void RequirePerCpu()
    {
        if (!IsPerCpu)
        {
            throw new InvalidOperationException($"map {Name} has one value for all CPUs");
        }
    }

    private void RequireLength(int length, int expected, string part)
    {
        if (length != expected)
        {
            throw new InvalidOperationException($"map {Name} has a {part} of {expected} bytes, not {length}");
        }
    }

    private bool Exists(int result, string operation)
    {
        if (result == -Errno.NoEntry)
        {
            return false;
        }

        KernelException.Check(result, operation, Name);
        return true;
    }
}
