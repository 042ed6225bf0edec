using System.Collections.Immutable;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>
/// What the images of one owner have in common from one to the next: the address tries, which are most of the work, and which only a change of
/// addresses changes. Owned by one encoding at a time.
/// </summary>
/// <remarks>A trie refers to its nodes by their lines, so it is taken over where it begins at the same line as before.</remarks>
public sealed class ImageMemory
{
    private Trie<uint> _ip4 = Trie<uint>.None;
    private Trie<UInt128> _ip6 = Trie<UInt128>.None;

    /// <summary>Length of the last image in words.</summary>
    internal int Words { get; set; }

    /// <summary>Writes the trie of IPv4, or takes over the one of before.</summary>
    /// <param name="lines">Where to.</param>
    /// <param name="ranges">The ranges of the address space.</param>
    /// <returns>The line of the root.</returns>
    internal int EncodeIPv4(ImageLines lines, ImmutableArray<PeerRange<uint>> ranges)
    {
        _ip4 = _ip4.TakeOver(lines, ranges) ? _ip4 : Encode(lines, ranges, () => TrieEncoder.Encode(lines, AddressRun.Of(ranges), width: 32));
        return _ip4.Root;
    }

    /// <summary>The same for IPv6.</summary>
    /// <param name="lines">Where to.</param>
    /// <param name="ranges">The ranges of the address space.</param>
    /// <returns>The line of the root.</returns>
    internal int EncodeIPv6(ImageLines lines, ImmutableArray<PeerRange<UInt128>> ranges)
    {
        _ip6 = _ip6.TakeOver(lines, ranges) ? _ip6 : Encode(lines, ranges, () => TrieEncoder.Encode(lines, AddressRun.Of(ranges), width: 128));
        return _ip6.Root;
    }

    private static Trie<TAddress> Encode<TAddress>(ImageLines lines, ImmutableArray<PeerRange<TAddress>> ranges, Func<int> encode)
        where TAddress : unmanaged
    {
        int first = lines.Count;
        int root = encode();
        return new Trie<TAddress>(ranges, first, lines.WordsFrom(first).ToArray(), root);
    }

    /// <summary>A trie as it was written.</summary>
    /// <param name="Ranges">What it says.</param>
    /// <param name="First">Its first line.</param>
    /// <param name="Words">Its lines.</param>
    /// <param name="Root">The line of its root.</param>
    private sealed record Trie<TAddress>(ImmutableArray<PeerRange<TAddress>> Ranges, int First, uint[] Words, int Root)
        where TAddress : unmanaged
    {
        public static Trie<TAddress> None { get; } = new([], First: -1, [], Root: 0);

        public bool TakeOver(ImageLines lines, ImmutableArray<PeerRange<TAddress>> ranges)
        {
            if (lines.Count != First || !(ranges == Ranges || ranges.AsSpan().SequenceEqual(Ranges.AsSpan())))
            {
                return false;
            }

            int line = lines.Allocate(Words.Length / PolicyImage.LineWords);
            Words.CopyTo(lines.WordsFrom(line));
            return true;
        }
    }
}
