using System.Collections.Immutable;
using Datapath.Policy.Inventory;

namespace Datapath.Policy.Compilation;

/// <summary>A range of a <see cref="PeerMap"/> with both its ends, of either family: for those who read tables rather than walk them.</summary>
/// <param name="Span">The addresses.</param>
/// <param name="Class">Their peer class.</param>
/// <param name="Unit">Number of the local unit that owns them, or 0.</param>
public readonly record struct PeerSegment(AddressSpan Span, ushort Class, ushort Unit)
{
    /// <summary>Every range: IPv4 first, ascending, without gaps.</summary>
    /// <param name="peers">The map.</param>
    public static ImmutableArray<PeerSegment> Of(PeerMap peers)
    {
        ArgumentNullException.ThrowIfNull(peers);
        var segments = ImmutableArray.CreateBuilder<PeerSegment>(peers.IPv4.Count + peers.IPv6.Count);
        for (int i = 0; i < peers.IPv4.Count; i++)
        {
            PeerRange<uint> range = peers.IPv4[i];
            segments.Add(new PeerSegment(new AddressSpan(false, range.First, peers.IPv4.LastOf(i)), range.Class, range.Unit));
        }
        for (int i = 0; i < peers.IPv6.Count; i++)
        {
            PeerRange<UInt128> range = peers.IPv6[i];
            segments.Add(new PeerSegment(new AddressSpan(true, range.First, peers.IPv6.LastOf(i)), range.Class, range.Unit));
        }
        return segments.ToImmutable();
    }
}
