using System.Runtime.InteropServices;
using Datapath.Interop.Libbpf;

namespace Datapath.Backends.Ebpf;

/// <summary>
/// What programs are told of the flows that are there (<c>dp_marks</c>): who makes an entry counts it first, who has deleted one of the proved
/// takes it off again. A count that is too high costs a packet a lookup; one that is too low hides a flow.
/// </summary>
internal sealed class FlowMarks : IDisposable
{
    // DP_MIX_ADDRESS and DP_MIX_PORTS of bpf/lib/mark.h.
    private const ulong MixAddress = 0x9e3779b97f4a7c15;
    private const ulong MixPorts = 0xc2b2ae3d27d4eb4f;

    // DP_PROVED_ONE of bpf/memory.h.
    private const int CountBit = 48;
    private const ulong One = 1UL << CountBit;

    private readonly MappedArray _marks;

    /// <summary>Maps the marks into this process.</summary>
    /// <param name="loaded">The loaded object.</param>
    public FlowMarks(BpfObject loaded) => _marks = loaded.Map(DpMaps.Marks).Map.MapMemory();

    /// <summary>The hash of a flow.</summary>
    /// <param name="key">Its key.</param>
    public static uint HashOf(in DpFlowKey4 key) =>
        Hash(Mapped(key.LowAddressBigEndian), Mapped(key.HighAddressBigEndian), key.LowPortBigEndian, key.HighPortBigEndian, key.Zone, key.Protocol);

    /// <summary>The hash of a flow.</summary>
    /// <param name="key">Its key.</param>
    public static uint HashOf(in DpFlowKey6 key) =>
        Hash(Words(key.LowAddressBigEndian), Words(key.HighAddressBigEndian), key.LowPortBigEndian, key.HighPortBigEndian, key.Zone, key.Protocol);

    /// <summary>Whether programs look a flow up among the proved.</summary>
    /// <param name="hash">Its hash.</param>
    public bool Tells(uint hash) => Volatile.Read(ref Proved(hash)) is var proved && (proved >> CountBit == 1 ? (uint)proved == hash : proved != 0);

    /// <summary>Before an entry is made: from now on it is looked up.</summary>
    /// <param name="hash">As <see cref="HashOf(in DpFlowKey4)"/> gave it.</param>
    public void Add(uint hash) => Interlocked.Add(ref Proved(hash), One + hash);

    /// <summary>After an entry of the proved was deleted.</summary>
    /// <param name="hash">As <see cref="HashOf(in DpFlowKey4)"/> gave it.</param>
    public void Remove(uint hash)
    {
        ref ulong proved = ref Proved(hash);
        ulong seen = Volatile.Read(ref proved);
        while (seen >= One + hash && Interlocked.CompareExchange(ref proved, seen - One - hash, seen) is var now && now != seen)
        {
            seen = now;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _marks.Dispose();

    private ref ulong Proved(uint hash) => ref _marks.Values<DpMark>()[(int)(hash % (uint)_marks.Count)].Proved;

    // dp_tuple_hash of bpf/lib/mark.h: sums and differences are the same for both directions.
    private static uint Hash(UInt128 low, UInt128 high, ushort lowPort, ushort highPort, ushort zone, byte protocol)
    {
        (ulong firstLow, ulong secondLow) = ((ulong)low, (ulong)(low >> 64));
        (ulong firstHigh, ulong secondHigh) = ((ulong)high, (ulong)(high >> 64));
        ulong ports = ((ulong)(uint)(lowPort + highPort) << 32) | ((uint)protocol << 16) | zone;
        ulong hash = unchecked((firstLow + firstHigh) * MixPorts);
        hash ^= unchecked((secondLow + secondHigh) * MixAddress);
        hash ^= unchecked(ports * MixPorts);
        hash ^= hash >> 32;
        hash = unchecked(hash + (secondLow ^ secondHigh));
        hash ^= (ulong)(lowPort ^ highPort) << 40;
        return (uint)(unchecked(hash * MixAddress) >> 32);
    }

    // ::ffff:a.b.c.d, as the bytes on the wire are for this machine.
    private static UInt128 Mapped(uint address) => new(((ulong)address << 32) | (BitConverter.IsLittleEndian ? 0xffff0000u : 0xffffu), 0);

    private static UInt128 Words(ReadOnlySpan<uint> words) => MemoryMarshal.Read<UInt128>(MemoryMarshal.AsBytes(words));
}
