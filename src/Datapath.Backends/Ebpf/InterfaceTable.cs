using Datapath.Interop.Libbpf;

namespace Datapath.Backends.Ebpf;

/// <summary>The table of interfaces. Programs remember what they found in it until they are told that it has changed.</summary>
/// <param name="map">The table.</param>
/// <param name="arena">Where they are told.</param>
internal sealed class InterfaceTable(BpfMap<uint, DpInterface> map, Arena arena)
{
    private readonly KernelTable<uint, DpInterface> _table = new(map);

    /// <inheritdoc cref="KernelTable{TKey, TValue}.Map"/>
    public BpfMap Map => _table.Map;

    /// <summary>What stands in the table.</summary>
    public IReadOnlyDictionary<uint, DpInterface> Entries => _table.Entries;

    /// <summary>The interfaces that stand in the table, by index.</summary>
    public IReadOnlyList<uint> Keys => _table.Keys;

    /// <inheritdoc cref="KernelTable{TKey, TValue}.Put"/>
    public bool Put(IReadOnlyDictionary<uint, DpInterface> desired) => Change(() => _table.Put(desired));

    /// <inheritdoc cref="KernelTable{TKey, TValue}.RemoveOthers"/>
    public IReadOnlyList<uint> RemoveOthers(IReadOnlyDictionary<uint, DpInterface> desired) => Change(() => _table.RemoveOthers(desired));

    /// <summary>Also after a change that the kernel refused half way.</summary>
    private T Change<T>(Func<T> change)
    {
        try
        {
            return change();
        }
        finally
        {
            arena.CountInterfaces();
        }
    }
}
