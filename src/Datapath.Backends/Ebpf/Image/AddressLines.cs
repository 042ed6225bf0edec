using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>The address tries of both families: most of an image, and what changes least.</summary>
/// <param name="words">The lines, from line 0 on.</param>
/// <param name="ip4Root">The line of the root of IPv4.</param>
/// <param name="ip6Root">The line of the root of IPv6.</param>
/// <param name="peers">What they say.</param>
internal sealed class AddressLines(ReadOnlyMemory<uint> words, int ip4Root, int ip6Root, PeerMap peers)
{
    // More root slots than this are written anew as a whole: a patch is read with the cache misses of two tries.
    private const int MostPatchedSlots = 256;

    /// <summary>The lines.</summary>
    public ReadOnlyMemory<uint> Words { get; } = words;

    /// <summary>How many.</summary>
    public int Lines => Words.Length / PolicyImage.LineWords;

    /// <summary>The line of the root of IPv4.</summary>
    public int IPv4Root { get; } = ip4Root;

    /// <summary>The root of IPv4, and what follows.</summary>
    public ReadOnlySpan<uint> IPv4RootWords => Words.Span[(IPv4Root * PolicyImage.LineWords)..];

    /// <summary>The line of the root of IPv6.</summary>
    public int IPv6Root { get; } = ip6Root;

    /// <summary>A sum over what they say.</summary>
    public ulong Sum { get; } = AddressSum.Of(peers);

    /// <summary>What other addresses differ in from these.</summary>
    /// <param name="others">The addresses.</param>
    /// <returns>Null when a patch of these tries would not do.</returns>
    public AddressDifference? DifferenceTo(PeerMap others)
    {
        bool isSameIPv6 = others.IPv6.SaysSameAs(peers.IPv6);
        return !isSameIPv6 ? null
            : others.IPv4 == peers.IPv4 ? AddressDifference.None
            : AddressDifference.Between(peers.IPv4, others.IPv4, MostPatchedSlots);
    }
}
