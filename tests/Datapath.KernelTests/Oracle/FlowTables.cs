using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;

namespace Datapath.KernelTests.Oracle;

/// <summary>The tables of flows and fragments as a test may change them: emptied, or made older.</summary>
internal sealed class FlowTables : IDisposable
{
    // Both structs begin with seen_jiffies.
    private const int SeenBytes = sizeof(ulong);

    private static readonly string[] FlowMaps =
    [
        "dp_new_tcp4", "dp_new_tcp6", "dp_new_other4", "dp_new_other6", "dp_live_tcp4", "dp_live_tcp6", "dp_live_other4", "dp_live_other6",
    ];

    private static readonly string[] FragmentMaps = ["dp_fragments"];

    private readonly BpfMap[] _flows;
    private readonly BpfMap[] _fragments;
    private readonly ulong _jiffiesPerSecond = (ulong)KernelClock.JiffiesPerSecond();

    public FlowTables(string pins)
    {
        _flows = [.. FlowMaps.Select(name => BpfMap.OpenPinned(Path.Combine(pins, name)))];
        _fragments = [.. FragmentMaps.Select(name => BpfMap.OpenPinned(Path.Combine(pins, name)))];
    }

    /// <summary>Nothing is remembered of anything.</summary>
    public void Clear()
    {
        foreach (BpfMap map in _flows.Concat(_fragments))
        {
            RemoveWhere(map, _ => true);
        }
    }

    /// <summary>The flows between two ends are forgotten, whatever unit judged them.</summary>
    /// <param name="protocol">Their protocol.</param>
    /// <param name="first">Address and port of one end, in network order.</param>
    /// <param name="second">The same of the other.</param>
    public void RemoveFlows(byte protocol, (byte[] Address, byte[] Port) first, (byte[] Address, byte[] Port) second)
    {
        foreach (BpfMap map in _flows.Where(map => map.KeyBytes == (2 * first.Address.Length) + 8))
        {
            byte[][] ends = [[.. first.Address, .. second.Address, .. first.Port, .. second.Port], [.. second.Address, .. first.Address, .. second.Port, .. first.Port]];
            // Behind the ends: the unit's number (2 bytes), the protocol, a byte that is reserved.
            RemoveWhere(map, key => key[^2] == protocol && ends.Any(end => key.AsSpan(0, end.Length).SequenceEqual(end)));
        }
    }

    public void RemoveAllFlows()
    {
        foreach (BpfMap map in _flows)
        {
            RemoveWhere(map, _ => true);
        }
    }

    /// <summary>As if every entry had been seen so much earlier: time passes for them and for nobody else.</summary>
    public void Age(int seconds)
    {
        foreach (BpfMap map in _flows.Concat(_fragments))
        {
            var value = new byte[map.ValueBytes];
            foreach (byte[] key in Keys(map).Where(key => map.TryLookup(key, value)))
            {
                ulong seen = BinaryPrimitives.ReadUInt64LittleEndian(value);
                BinaryPrimitives.WriteUInt64LittleEndian(value.AsSpan(0, SeenBytes), seen - ((ulong)seconds * _jiffiesPerSecond));
                map.Update(key, value);
            }
        }
    }

    public void Dispose()
    {
        foreach (BpfMap map in _flows.Concat(_fragments))
        {
            map.Dispose();
        }
    }

    private static void RemoveWhere(BpfMap map, Predicate<byte[]> isIt)
    {
        foreach (byte[] key in Keys(map).Where(key => isIt(key)))
        {
            if (key.Length == Unsafe.SizeOf<UInt128>())
            {
                map.Delete(MemoryMarshal.Read<UInt128>(key));
            }
            else
            {
                map.Delete(MemoryMarshal.Read<LongKey>(key));
            }
        }
    }

    private static IEnumerable<byte[]> Keys(BpfMap map) =>
        map.KeyBytes == Unsafe.SizeOf<UInt128>() ? map.Keys<UInt128>().Select(Bytes) : map.Keys<LongKey>().Select(Bytes);

    private static byte[] Bytes<T>(T key)
        where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in key)).ToArray();

    /// <summary>A key of 40 bytes: IPv6 flows, and fragments.</summary>
    [InlineArray(40)]
    private struct LongKey
    {
        private byte _first;
    }
}
