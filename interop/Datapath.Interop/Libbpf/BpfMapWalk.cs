using Datapath.Interop.Libc;

namespace Datapath.Interop.Libbpf;

/// <summary>Reads a hash map round and round, a part at a time. What is made or removed meanwhile may or may not show.</summary>
/// <typeparam name="TKey">As large as the map's key.</typeparam>
/// <typeparam name="TValue">As large as the map's value.</typeparam>
public sealed unsafe class BpfMapWalk<TKey, TValue>
    where TKey : unmanaged
    where TValue : unmanaged
{
    private const int MostEntries = 1 << 22;

    private readonly BpfMap _map;
    private readonly List<KeyValuePair<TKey, TValue>> _part = [];
    private TKey[] _keys;
    private TValue[] _values;

    // The number of a bucket (__htab_map_lookup_and_delete_batch in kernel/bpf/hashtab.c).
    private uint _cursor;

    /// <summary>Stands before the first entry.</summary>
    /// <param name="map">A hash without a value per CPU, on a kernel that reads in batches (5.6).</param>
    /// <param name="entries">How many entries to read at a time, at least 1; more where a bucket of the hash has more.</param>
    public BpfMapWalk(BpfMap map, int entries)
    {
        map.RequireSizes<TKey, TValue>();
        ArgumentOutOfRangeException.ThrowIfLessThan(entries, 1);
        _map = map;
        _keys = new TKey[entries];
        _values = new TValue[entries];
    }

    /// <summary>Whether the next part is the first one of a round.</summary>
    public bool IsAtStart { get; private set; } = true;

    /// <summary>The next part of the map, which the following call overwrites.</summary>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public IReadOnlyList<KeyValuePair<TKey, TValue>> Next()
    {
        var options = new bpf_map_batch_opts { sz = (nuint)sizeof(bpf_map_batch_opts) };
        using FileDescriptor.Lease fd = _map.Descriptor.Borrow();
        while (true)
        {
            uint count = (uint)_keys.Length;
            uint next = _cursor;
            int result;
            fixed (TKey* keys = _keys)
            fixed (TValue* values = _values)
            {
                uint start = _cursor;
                result = LibbpfApi.bpf_map_lookup_batch(fd.Number, IsAtStart ? null : &start, &next, keys, values, &count, &options);
            }

            if (result == -Errno.NoSpace && _keys.Length < MostEntries)
            {
                _keys = new TKey[_keys.Length * 2];
                _values = new TValue[_keys.Length];
                continue;
            }

            if (result != -Errno.NoEntry)
            {
                KernelException.Check(result, "read part of map", _map.Name);
            }

            IsAtStart = result == -Errno.NoEntry;
            _cursor = next;
            _part.Clear();
            for (int i = 0; i < count; i++)
            {
                _part.Add(new(_keys[i], _values[i]));
            }

            return _part;
        }
    }
}
