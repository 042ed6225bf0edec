using System.Runtime.InteropServices;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>
/// A sum over ranges of addresses to which each range contributes by itself: where a few ranges change only these are counted again. Ranges
/// ascend, so that the same ones are the same map.
/// </summary>
internal static class AddressSum
{
    /// <summary>The sum over both families.</summary>
    public static ulong Of(PeerMap peers) => unchecked(Of(peers.IPv4.AsSpan()) + Of(peers.IPv6.AsSpan()));

    /// <summary>What ranges of IPv4 contribute.</summary>
    public static ulong Of(ReadOnlySpan<PeerRange<uint>> ranges)
    {
        ulong sum = 0;
        // A range is eight bytes without padding.
        foreach (ulong range in MemoryMarshal.Cast<PeerRange<uint>, ulong>(ranges))
        {
            sum = unchecked(sum + ContentSum.Mix(range));
        }

        return sum;
    }

    private static ulong Of(ReadOnlySpan<PeerRange<UInt128>> ranges)
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
