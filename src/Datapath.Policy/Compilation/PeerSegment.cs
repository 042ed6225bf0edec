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
        var segments = ImmutableArray.CreateBuilder<PeerSegment>(peers.IPv4.Length + peers.IPv6.Length);
        for (int i = 0; i < peers.IPv4.Length; i++)
        {
            PeerRange<uint> range = peers.IPv4[i];
            uint last = i + 1 < peers.IPv4.Length ? peers.IPv4[i + 1].First - 1 : uint.MaxValue;
            segments.Add(new PeerSegment(new AddressSpan(false, range.First, last), range.Class, range.Unit));
        }
        for (int i = 0; i < peers.IPv6.Length; i++)
        {
            PeerRange<UInt128> range = peers.IPv6[i];
            UInt128 last = i + 1 < peers.IPv6.Length ? peers.IPv6[i + 1].First - 1 : UInt128.MaxValue;
            segments.Add(new PeerSegment(new AddressSpan(true, range.First, last), range.Class, range.Unit));
        }
        return segments.ToImmutable();
    }
}
