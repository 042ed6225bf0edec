using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Datapath.Interop;
using Datapath.Interop.Btf;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;

namespace Datapath.Backends.Ebpf.OlderFlows;

/// <summary>
/// Takes flows over from the tables of an agent of another version, older or newer. The kernel keeps the types of each map, so that no version
/// needs to know the structs of another: members go by their names.
/// </summary>
/// <param name="loaded">The loaded object.</param>
/// <param name="marks">Where entries are counted.</param>
internal sealed class LayoutTransfer(BpfObject loaded, FlowMarks marks)
{
    // Without these nobody can say who opened the flow, and by what it is judged again.
    private static readonly string[] Needed = ["opener_key", "opener_table", "direction", "state"];

    // The rule of what no rule of the unit let open (DP_NO_RULE in bpf/lib/judge.h).
    private const uint NoRule = 0;

    /// <summary>The tables of flows, those of proved ones first: what is in both is proved.</summary>
    public static IReadOnlyList<string> Tables { get; } =
    [
        DpMaps.LiveTcp4.Name,
        DpMaps.LiveTcp6.Name,
        DpMaps.LiveOther4.Name,
        DpMaps.LiveOther6.Name,
        DpMaps.NewTcp4.Name,
        DpMaps.NewTcp6.Name,
        DpMaps.NewOther4.Name,
        DpMaps.NewOther6.Name,
    ];

    /// <summary>How many flows were taken over.</summary>
    public int Made { get; private set; }

    /// <summary>Takes over one table.</summary>
    /// <param name="old">The table of the other version.</param>
    /// <param name="table">Its name, in <see cref="Tables"/>.</param>
    /// <returns>Null when that was done; else why not, as a sentence without a full stop.</returns>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public string? Take(BpfMap old, string table)
    {
        bool isIPv6 = table.EndsWith('6');
        if (old.ReadTypes() is not { } types)
        {
            return $"the kernel does not know what {table} of the other version holds";
        }

        var key = new StructTransfer(types.Types, types.Key, loaded.Types, StructOf(isIPv6 ? "dp_flow_key6" : "dp_flow_key4"));
        var value = new StructTransfer(types.Types, types.Value, loaded.Types, StructOf("dp_flow"));
        if (!key.IsWholeStruct || !value.Has(Needed))
        {
            return $"{table} of the other version tells flows apart otherwise";
        }

        BpfMap now = isIPv6 ? Of<DpFlowKey6>(table) : Of<DpFlowKey4>(table);
        var nowKey = new byte[key.Bytes];
        var nowValue = new byte[value.Bytes];
        bool hasWords = value.Has(["next_sequence"]);
        int refused = 0;
        old.ForEach(
            (oldKey, oldValue) =>
            {
                key.Move(oldKey, nowKey);
                value.Move(oldValue, nowValue);
                // The generations of the other agent are not ours: the next packet has the opener judged.
                ref DpFlow flow = ref MemoryMarshal.AsRef<DpFlow>(nowValue.AsSpan());
                flow.Generation = 0;
                flow.RuleIndex = flow.RuleIndex == NoRule ? NoRule : Abi.RuleUnknown;
                flow.Flags = hasWords ? flow.Flags : (byte)(flow.Flags & ~Abi.FlowKnows);
                refused += Put(now, nowKey, nowValue) ? 0 : 1;
            }
        );
        return refused == 0 ? null : $"{table} has no room for {refused} flows of the other version";
    }

    private BtfType StructOf(string name) =>
        loaded.Types.Find(BtfKind.Struct, name) ?? throw new InvalidOperationException($"the object has no struct {name}");

    private BpfMap Of<TKey>(string table)
        where TKey : unmanaged => loaded.Map(new MapName<TKey, DpFlow>(table)).Map;

    /// <summary>Who came first knows better, be it a program.</summary>
    private bool Put(BpfMap map, byte[] key, byte[] value)
    {
        uint hash =
            key.Length == Unsafe.SizeOf<DpFlowKey6>()
                ? FlowMarks.HashOf(MemoryMarshal.Read<DpFlowKey6>(key))
                : FlowMarks.HashOf(MemoryMarshal.Read<DpFlowKey4>(key));
        marks.Add(hash);
        try
        {
            map.Update(key, value, MapUpdate.OnlyNew);
            Made++;
            return true;
        }
        catch (KernelException refusal) when (refusal.Number is Errno.Exists or Errno.TooBig or Errno.NoMemory or Errno.Busy)
        {
            marks.Remove(hash);
            return refusal.Number == Errno.Exists;
        }
    }
}
