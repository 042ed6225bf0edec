using System.Collections.Immutable;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>A run of addresses with one leaf: peer class in the low 16 bits, unit number in the next 15 (<c>DP_LEAF_*</c>).</summary>
/// <param name="First">The first address; the run ends where the next begins.</param>
/// <param name="Leaf">What a lookup returns.</param>
internal readonly record struct AddressRun(UInt128 First, uint Leaf)
{
    /// <summary>The runs of a family, or of a part of it.</summary>
    public static AddressRun[] Of(ReadOnlySpan<PeerRange<uint>> ranges)
    {
        var runs = new AddressRun[ranges.Length];
        for (int i = 0; i < runs.Length; i++)
        {
            runs[i] = new AddressRun(ranges[i].First, LeafOf(ranges[i].Class, ranges[i].Unit));
        }

        return runs;
    }

    /// <summary>The runs of a family.</summary>
    public static AddressRun[] Of(ImmutableArray<PeerRange<UInt128>> ranges) =>
        [.. ranges.Select(range => new AddressRun(range.First, LeafOf(range.Class, range.Unit)))];

    /// <summary>What a lookup of an address in a range returns.</summary>
    public static uint LeafOf<TAddress>(PeerRange<TAddress> range)
        where TAddress : unmanaged => LeafOf(range.Class, range.Unit);

    private static uint LeafOf(ushort peerClass, ushort unit) => peerClass | ((uint)unit << 16);
}
