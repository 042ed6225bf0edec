using System.Runtime.CompilerServices;
using Datapath.Interop.Libc;

namespace Datapath.Interop.Libbpf;

/// <content>Many entries at a time.</content>
public sealed unsafe partial class BpfMap
{
    /// <summary>Writes entries in one system call where the map can (5.6 and newer), else one at a time.</summary>
    /// <typeparam name="TKey">As large as the map's key.</typeparam>
    /// <typeparam name="TValue">As large as the map's value.</typeparam>
    /// <param name="keys">The keys.</param>
    /// <param name="values">As many values.</param>
    /// <exception cref="KernelException">Refused; entries before the refused one are written.</exception>
    public void UpdateBatch<TKey, TValue>(ReadOnlySpan<TKey> keys, ReadOnlySpan<TValue> values)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        RequireSizes<TKey, TValue>();
        RequireOneValue();
        RequireLength(values.Length, keys.Length, "batch");
        if (keys.IsEmpty)
        {
            return;
        }

        uint count = (uint)keys.Length;
        var options = new bpf_map_batch_opts { sz = (nuint)sizeof(bpf_map_batch_opts) };
        using FileDescriptor.Lease fd = _descriptor.Borrow();
        int result;
        fixed (TKey* k = keys)
        fixed (TValue* v = values)
        {
            result = LibbpfApi.bpf_map_update_batch(fd.Number, k, v, &count, &options);
        }

        if (!HasNoBatches(result))
        {
            KernelException.Check(result, $"update {keys.Length} entries of map", Name);
            return;
        }

        for (int i = 0; i < keys.Length; i++)
        {
            Update(keys[i], values[i]);
        }
    }

    /// <summary>Removes entries; those that are not there are passed over.</summary>
    /// <typeparam name="TKey">As large as the map's key.</typeparam>
    /// <param name="keys">The keys.</param>
    /// <exception cref="KernelException">Refused; entries before the refused one are gone.</exception>
    /// <remarks>One at a time: the kernel's batch stops at the first key that is missing.</remarks>
    public void DeleteAll<TKey>(ReadOnlySpan<TKey> keys)
        where TKey : unmanaged
    {
        foreach (TKey key in keys)
        {
            Delete(key);
        }
    }

    /// <summary>The keys there are, in the kernel's order. Keys made or removed meanwhile may or may not show.</summary>
    /// <typeparam name="TKey">As large as the map's key.</typeparam>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public List<TKey> Keys<TKey>()
        where TKey : unmanaged
    {
        RequireSizes<TKey>();
        var keys = new List<TKey>();
        using FileDescriptor.Lease fd = _descriptor.Borrow();
        TKey current = default;
        TKey next = default;
        int result = LibbpfApi.bpf_map_get_next_key(fd.Number, null, &next);
        // Removing the key we stand on starts the kernel again from the first: the capacity bounds the walk.
        while (Exists(result, "walk map") && keys.Count < MaxEntries)
        {
            keys.Add(next);
            current = next;
            result = LibbpfApi.bpf_map_get_next_key(fd.Number, &current, &next);
        }

        return keys;
    }

    /// <summary>All entries, in batches where the map can. Entries made or removed meanwhile may or may not show.</summary>
    /// <typeparam name="TKey">As large as the map's key.</typeparam>
    /// <typeparam name="TValue">As large as the map's value.</typeparam>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public List<KeyValuePair<TKey, TValue>> Entries<TKey, TValue>()
        where TKey : unmanaged
        where TValue : unmanaged
    {
        RequireSizes<TKey, TValue>();
        RequireOneValue();
        if (TryReadBatches<TKey, TValue>() is { } entries)
        {
            return entries;
        }

        entries = [];
        foreach (TKey key in Keys<TKey>())
        {
            if (TryLookup(key, out TValue value))
            {
                entries.Add(new(key, value));
            }
        }

        return entries;
    }

    // A bucket of a hash is read whole: a batch smaller than the fullest bucket gives ENOSPC and is asked for again, larger.
    private List<KeyValuePair<TKey, TValue>>? TryReadBatches<TKey, TValue>()
        where TKey : unmanaged
        where TValue : unmanaged
    {
        var entries = new List<KeyValuePair<TKey, TValue>>();
        var options = new bpf_map_batch_opts { sz = (nuint)sizeof(bpf_map_batch_opts) };
        var keys = new TKey[Math.Clamp((int)Math.Min(MaxEntries, int.MaxValue), 1, 4096)];
        var values = new TValue[keys.Length];
        // A cursor is 4 bytes for hashes and as large as the key otherwise.
        byte* cursor = stackalloc byte[Math.Max(8, Unsafe.SizeOf<TKey>())];
        bool started = false;
        using FileDescriptor.Lease fd = _descriptor.Borrow();
        while (true)
        {
            uint count = (uint)keys.Length;
            int result;
            fixed (TKey* k = keys)
            fixed (TValue* v = values)
            {
                result = LibbpfApi.bpf_map_lookup_batch(fd.Number, started ? cursor : null, cursor, k, v, &count, &options);
            }

            if (HasNoBatches(result))
            {
                return null;
            }

            if (result == -Errno.NoSpace && keys.Length < 1 << 22)
            {
                keys = new TKey[keys.Length * 2];
                values = new TValue[keys.Length];
                continue;
            }

            bool more = Exists(result, "read map");
            for (int i = 0; i < count; i++)
            {
                entries.Add(new(keys[i], values[i]));
            }

            if (!more)
            {
                return entries;
            }

            started = true;
        }
    }

    private static bool HasNoBatches(int result) =>
        result is -Errno.NotSupportedInsideKernel or -Errno.NotSupported or -Errno.Invalid;
}
