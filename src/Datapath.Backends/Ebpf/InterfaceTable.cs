using Datapath.Interop.Libbpf;

namespace Datapath.Backends.Ebpf;

/// <summary>The table of interfaces. Programs remember what they found in it until they are told that it has changed.</summary>
/// <param name="map">The table.</param>
/// <param name="arena">Where they are told.</param>
internal sealed class InterfaceTable(BpfMap<uint, DpInterface> map, Arena arena)
{
    /// <summary>How many interfaces there is room for is its limit.</summary>
    public BpfMap Map => map.Map;

    /// <summary>What stands in the table.</summary>
    public IReadOnlyList<KeyValuePair<uint, DpInterface>> Entries => map.Entries();

    /// <summary>The interfaces that stand in the table, by index.</summary>
    public IReadOnlyList<uint> Keys => map.Keys();

    /// <inheritdoc cref="KernelTables.Put"/>
    public void Put(IReadOnlyDictionary<uint, DpInterface> desired) =>
        Change(() =>
        {
            KernelTables.Put(map, desired);
            return 0;
        });

    /// <inheritdoc cref="KernelTables.RemoveOthers"/>
    public IReadOnlyList<uint> RemoveOthers(IReadOnlyDictionary<uint, DpInterface> desired) => Change(() => KernelTables.RemoveOthers(map, desired));

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
