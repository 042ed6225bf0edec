using System.Collections.Immutable;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>A run of addresses with one leaf: peer class in the low 16 bits, unit number in the next 15 (<c>DP_LEAF_*</c>).</summary>
/// <param name="First">The first address; the run ends where the next begins.</param>
/// <param name="Leaf">What a lookup returns.</param>
internal readonly record struct AddressRun(UInt128 First, uint Leaf)
{
    /// <summary>The runs of a family.</summary>
    public static AddressRun[] Of(ImmutableArray<PeerRange<uint>> ranges) =>
        [.. ranges.Select(range => new AddressRun(range.First, LeafOf(range.Class, range.Unit)))];

    /// <summary>The runs of a family.</summary>
    public static AddressRun[] Of(ImmutableArray<PeerRange<UInt128>> ranges) =>
        [.. ranges.Select(range => new AddressRun(range.First, LeafOf(range.Class, range.Unit)))];

    private static uint LeafOf(ushort peerClass, ushort unit) => peerClass | ((uint)unit << 16);
}
