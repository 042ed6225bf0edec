using Datapath.Interop;
using Datapath.Interop.Libbpf;

namespace Datapath.Backends.Ebpf;

/// <summary>
/// A hash map of the kernel that only this agent writes: read once, and known from then on, because to walk an empty map of some thousand
/// buckets takes longer than all the rest of a small change. Brought to a desired content by the fewest writes.
/// </summary>
/// <param name="map">The map.</param>
internal sealed class KernelTable<TKey, TValue>(BpfMap<TKey, TValue> map)
    where TKey : unmanaged, IEquatable<TKey>
    where TValue : unmanaged, IEquatable<TValue>
{
    private Dictionary<TKey, TValue>? _known;

    /// <summary>The map itself; how many entries there is room for is its limit.</summary>
    public BpfMap Map => map.Map;

    /// <summary>What stands in it; a copy, so that it may be walked while the table changes.</summary>
    public IReadOnlyDictionary<TKey, TValue> Entries => new Dictionary<TKey, TValue>(Known);

    /// <summary>The keys that stand in it; a copy, too.</summary>
    public IReadOnlyList<TKey> Keys => [.. Known.Keys];

    private Dictionary<TKey, TValue> Known => _known ??= new(map.Entries());

    /// <summary>Writes what is missing or different.</summary>
    /// <param name="desired">What ought to be there.</param>
    /// <returns>Whether anything was written.</returns>
    /// <exception cref="KernelException">Refused, perhaps half way.</exception>
    public bool Put(IReadOnlyDictionary<TKey, TValue> desired)
    {
        KeyValuePair<TKey, TValue>[] missing = [.. desired.Where(one => !Known.TryGetValue(one.Key, out TValue present) || !present.Equals(one.Value))];
        foreach ((TKey key, TValue value) in missing)
        {
            Write(() => map.Update(key, value));
            Known[key] = value;
        }

        return missing.Length > 0;
    }

    /// <summary>Removes what ought not to be there.</summary>
    /// <param name="desired">What ought to be there.</param>
    /// <returns>The keys that were removed.</returns>
    /// <exception cref="KernelException">Refused, perhaps half way.</exception>
    public IReadOnlyList<TKey> RemoveOthers(IReadOnlyDictionary<TKey, TValue> desired)
    {
        TKey[] others = [.. Known.Keys.Where(key => !desired.ContainsKey(key))];
        Array.ForEach(others, Remove);
        return others;
    }

    /// <summary>Removes an entry, if it is there.</summary>
    /// <param name="key">Which.</param>
    /// <exception cref="KernelException">Refused.</exception>
    public void Remove(TKey key)
    {
        if (Known.ContainsKey(key))
        {
            Write(() => map.Delete(key));
            Known.Remove(key);
        }
    }

    /// <summary>After a refusal nobody knows what is there: it is read again.</summary>
    private void Write(Action write)
    {
        try
        {
            write();
        }
        catch (KernelException)
        {
            _known = null;
            throw;
        }
    }
}
