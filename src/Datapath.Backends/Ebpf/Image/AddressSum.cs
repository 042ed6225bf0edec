using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>
/// A sum over ranges of addresses to which each range contributes by itself: where a few ranges change only these are counted again. Ranges
/// ascend, so that the same ones are the same map.
/// </summary>
internal static class AddressSum
{
    /// <summary>The sum over both families.</summary>
    public static ulong Of(PeerMap peers) => unchecked(Of(peers.IPv4) + Of(peers.IPv6));

    /// <summary>What ranges of IPv4 contribute.</summary>
    public static ulong Of(IEnumerable<PeerRange<uint>> ranges)
    {
        ulong sum = 0;
        foreach (PeerRange<uint> range in ranges)
        {
            sum = unchecked(sum + ContentSum.Mix(((ulong)AddressRun.LeafOf(range) << 32) | range.First));
        }

        return sum;
    }

    private static ulong Of(IEnumerable<PeerRange<UInt128>> ranges)
    {
        ulong sum = 0;
        foreach (PeerRange<UInt128> range in ranges)
        {
            ulong address = ContentSum.Mix(ContentSum.Mix(~(ulong)(range.First >> 64)) ^ (ulong)range.First);
            sum = unchecked(sum + ContentSum.Mix(address ^ AddressRun.LeafOf(range)));
        }

        return sum;
    }
}
