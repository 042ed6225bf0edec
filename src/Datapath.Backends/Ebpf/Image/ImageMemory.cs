using System.Numerics;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>
/// What whole images of one owner have in common from one to the next: the address tries, which are most of the work, and which only a change of
/// addresses changes. Owned by one encoding at a time.
/// </summary>
/// <remarks>A trie refers to its nodes by their lines, so it is taken over where it begins at the same line as before.</remarks>
public sealed class ImageMemory
{
    private Trie<uint> _ip4 = Trie<uint>.None;
    private Trie<UInt128> _ip6 = Trie<UInt128>.None;
    private AddressLines? _addresses;

    /// <summary>Length of the part of the last image that is not addresses, in words.</summary>
    internal int RuleWords { get; set; }

    /// <summary>The tries of a policy: those of before when the addresses are the same.</summary>
    /// <param name="peers">The addresses.</param>
    internal AddressLines Addresses(PeerMap peers)
    {
        // IPv6 first: what joins and leaves is mostly IPv4, and then the other family stays where it is.
        bool isSame = _ip6.Says(peers.IPv6, first: 0);
        _ip6 = isSame ? _ip6 : Encode(peers.IPv6, 0, lines => TrieEncoder.Encode(lines, AddressRun.Of(peers.IPv6), width: 128), _ip6.Words.Length);
        int second = _ip6.Words.Length / PolicyImage.LineWords;
        if (!_ip4.Says(peers.IPv4, second))
        {
            isSame = false;
            _ip4 = Encode(peers.IPv4, second, lines => TrieEncoder.Encode(lines, AddressRun.Of(peers.IPv4), width: 32), _ip4.Words.Length);
        }

        return isSame && _addresses is not null ? _addresses : _addresses = Joined(peers);
    }

    private AddressLines Joined(PeerMap peers)
    {
        var words = new uint[_ip6.Words.Length + _ip4.Words.Length];
        _ip6.Words.CopyTo(words);
        _ip4.Words.CopyTo(words.AsMemory(_ip6.Words.Length));
        return new AddressLines(words, _ip4.Root, _ip6.Root, peers);
    }

    private static Trie<TAddress> Encode<TAddress>(PeerRanges<TAddress> ranges, int first, Func<ImageLines, int> encode, int expectedWords)
        where TAddress : unmanaged, IBinaryInteger<TAddress>, IMinMaxValue<TAddress>
    {
        var lines = new ImageLines(expectedWords, first);
        int root = encode(lines);
        ReadOnlyMemory<uint> words = lines.ToMemory();
        return new Trie<TAddress>(ranges, first, words, root);
    }

    /// <summary>A trie as it was written.</summary>
    /// <param name="Ranges">What it says.</param>
    /// <param name="First">Its first line.</param>
    /// <param name="Words">Its lines.</param>
    /// <param name="Root">The line of its root.</param>
    private sealed record Trie<TAddress>(PeerRanges<TAddress> Ranges, int First, ReadOnlyMemory<uint> Words, int Root)
        where TAddress : unmanaged, IBinaryInteger<TAddress>, IMinMaxValue<TAddress>
    {
        public static Trie<TAddress> None { get; } = new([], First: -1, default, Root: 0);

        public bool Says(PeerRanges<TAddress> ranges, int first) => first == First && ranges.SaysSameAs(Ranges);
    }
}
