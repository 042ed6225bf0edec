using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>A run of addresses with one leaf: peer class in the low 16 bits, unit number in the next 15 (<c>DP_LEAF_*</c>).</summary>
/// <param name="First">The first address; the run ends where the next begins.</param>
/// <param name="Leaf">What a lookup returns.</param>
internal readonly record struct AddressRun(UInt128 First, uint Leaf)
{
    /// <summary>The runs of a family of IPv4, or of a part of it.</summary>
    public static AddressRun[] Of(IEnumerable<PeerRange<uint>> ranges) => [.. ranges.Select(range => new AddressRun(range.First, LeafOf(range)))];

    /// <summary>The runs of IPv6.</summary>
    public static AddressRun[] Of(IEnumerable<PeerRange<UInt128>> ranges) => [.. ranges.Select(range => new AddressRun(range.First, LeafOf(range)))];

    /// <summary>What a lookup of an address in a range returns.</summary>
    public static uint LeafOf<TAddress>(PeerRange<TAddress> range)
        where TAddress : unmanaged => range.Class | ((uint)range.Unit << 16);
}
