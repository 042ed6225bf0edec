using Datapath.Interop.Libc;

namespace Datapath.Interop.Libbpf;

/// <summary>Is given an entry of a map that has a value for each CPU.</summary>
/// <param name="key">The key.</param>
/// <param name="values">One for each possible CPU; valid during the call only.</param>
/// <typeparam name="TKey">As large as the map's key.</typeparam>
/// <typeparam name="TValue">As large as the map's value.</typeparam>
public delegate void PerCpuReceiver<in TKey, TValue>(TKey key, ReadOnlySpan<TValue> values)
    where TKey : unmanaged
    where TValue : unmanaged;

/// <content>Values of every CPU, many entries at a time.</content>
public sealed unsafe partial class BpfMap
{
    private const int PerCpuBatch = 2048;

    /// <summary>Reads every entry, in batches where the map can (per-CPU arrays: 5.13 and newer), else one at a time.</summary>
    /// <typeparam name="TKey">As large as the map's key.</typeparam>
    /// <typeparam name="TValue">As large as the map's value, a multiple of eight bytes: else the kernel leaves gaps between those of two CPUs.</typeparam>
    /// <param name="receiver">Is given each, in the kernel's order.</param>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public void ReadPerCpu<TKey, TValue>(PerCpuReceiver<TKey, TValue> receiver)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        RequireSizes<TKey, TValue>();
        RequirePerCpu();
        RequireLength(sizeof(TValue), PerCpuStride, "value");
        ArgumentNullException.ThrowIfNull(receiver);
        if (TryReadPerCpuBatches(receiver))
        {
            return;
        }

        foreach (TKey key in Keys<TKey>())
        {
            if (LookupPerCpu<TKey, TValue>(key) is { } values)
            {
                receiver(key, values);
            }
        }
    }

    // False when the kernel has no batches for such a map, which it says before it gives anything.
    private bool TryReadPerCpuBatches<TKey, TValue>(PerCpuReceiver<TKey, TValue> receiver)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        int cpus = PossibleCpus.Count;
        var keys = new TKey[Math.Min((int)MaxEntries, PerCpuBatch)];
        var values = new TValue[keys.Length * cpus];
        var options = new bpf_map_batch_opts { sz = (nuint)sizeof(bpf_map_batch_opts) };
        TKey cursor = default;
        using FileDescriptor.Lease fd = _descriptor.Borrow();
        for (bool more = true, isFirst = true; more; isFirst = false)
        {
            uint count = (uint)keys.Length;
            int result;
            fixed (TKey* k = keys)
            fixed (TValue* v = values)
            {
                result = LibbpfApi.bpf_map_lookup_batch(fd.Number, isFirst ? null : &cursor, &cursor, k, v, &count, &options);
            }

            if (isFirst && HasNoBatches(result))
            {
                return false;
            }

            more = Exists(result, "read map");
            for (int i = 0; i < count; i++)
            {
                receiver(keys[i], values.AsSpan(i * cpus, cpus));
            }
        }

        return true;
    }
}
