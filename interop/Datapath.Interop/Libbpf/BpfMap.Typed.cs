namespace Datapath.Interop.Libbpf;

/// <summary>A map whose keys and values have a type.</summary>
/// <typeparam name="TKey">Its keys.</typeparam>
/// <typeparam name="TValue">Its values.</typeparam>
/// <remarks>A view: disposing the <see cref="Map"/> is up to whoever has it.</remarks>
public sealed class BpfMap<TKey, TValue>
    where TKey : unmanaged
    where TValue : unmanaged
{
    /// <summary>Gives a map its types.</summary>
    /// <param name="map">The map.</param>
    /// <exception cref="InvalidOperationException">Its keys or values have another size.</exception>
    public BpfMap(BpfMap map)
    {
        map.RequireSizes<TKey, TValue>();
        Map = map;
    }

    /// <summary>The map itself.</summary>
    public BpfMap Map { get; }

    /// <inheritdoc cref="BpfMap.TryLookup{TKey, TValue}"/>
    public bool TryLookup(TKey key, out TValue value) => Map.TryLookup(key, out value);

    /// <inheritdoc cref="BpfMap.Lookup{TKey, TValue}"/>
    public TValue Lookup(TKey key) => Map.Lookup<TKey, TValue>(key);

    /// <inheritdoc cref="BpfMap.Update{TKey, TValue}"/>
    public void Update(TKey key, TValue value, MapUpdate mode = MapUpdate.Any) => Map.Update(key, value, mode);

    /// <inheritdoc cref="BpfMap.Delete{TKey}"/>
    public bool Delete(TKey key) => Map.Delete(key);

    /// <inheritdoc cref="BpfMap.LookupPerCpu{TKey, TValue}"/>
    public TValue[]? LookupPerCpu(TKey key) => Map.LookupPerCpu<TKey, TValue>(key);

    /// <inheritdoc cref="BpfMap.UpdatePerCpu{TKey, TValue}"/>
    public void UpdatePerCpu(TKey key, TValue value) => Map.UpdatePerCpu(key, value);

    /// <inheritdoc cref="BpfMap.ReadPerCpu"/>
    public void ReadPerCpu(PerCpuReceiver<TKey, TValue> receiver) => Map.ReadPerCpu(receiver);

    /// <inheritdoc cref="BpfMap.UpdateBatch{TKey, TValue}"/>
    public void UpdateBatch(ReadOnlySpan<TKey> keys, ReadOnlySpan<TValue> values) => Map.UpdateBatch(keys, values);

    /// <inheritdoc cref="BpfMap.Keys{TKey}"/>
    public List<TKey> Keys() => Map.Keys<TKey>();

    /// <inheritdoc cref="BpfMap.Entries{TKey, TValue}"/>
    public List<KeyValuePair<TKey, TValue>> Entries() => Map.Entries<TKey, TValue>();
}
