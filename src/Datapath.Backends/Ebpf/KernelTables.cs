using Datapath.Interop.Libbpf;

namespace Datapath.Backends.Ebpf;

/// <summary>Brings a hash map to a desired content by the fewest writes: additions and changes first, deletions when told.</summary>
internal static class KernelTables
{
    /// <summary>Writes what is missing or different.</summary>
    /// <param name="map">A hash map.</param>
    /// <param name="desired">What ought to be there.</param>
    public static void Put<TKey, TValue>(BpfMap<TKey, TValue> map, IReadOnlyDictionary<TKey, TValue> desired)
        where TKey : unmanaged
        where TValue : unmanaged, IEquatable<TValue>
    {
        Dictionary<TKey, TValue> actual = new(map.Entries());
        foreach ((TKey key, TValue value) in desired)
        {
            if (!actual.TryGetValue(key, out TValue present) || !present.Equals(value))
            {
                map.Update(key, value);
            }
        }
    }

    /// <summary>Removes what ought not to be there.</summary>
    /// <param name="map">A hash map.</param>
    /// <param name="desired">What ought to be there.</param>
    /// <returns>The keys that were removed.</returns>
    public static IReadOnlyList<TKey> RemoveOthers<TKey, TValue>(BpfMap<TKey, TValue> map, IReadOnlyDictionary<TKey, TValue> desired)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        List<TKey> others = [.. map.Keys().Where(key => !desired.ContainsKey(key))];
        foreach (TKey key in others)
        {
            map.Delete(key);
        }

        return others;
    }
}
