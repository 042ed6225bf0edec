using System.Collections;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Datapath.Policy.Compilation;

/// <summary>
/// The whole address space of one family cut into ranges: ascending, without gaps, the first at 0, each ending where the next starts. Immutable.
/// </summary>
/// <typeparam name="TAddress"><see cref="uint"/> for IPv4, <see cref="UInt128"/> for IPv6.</typeparam>
/// <remarks>
/// Kept in blocks, which maps share: where one address of 100,000 prefixes changes, one block is new, and comparing it with the map of before is a
/// look at whether blocks are the same object. In one piece it was a megabyte to copy into fresh pages and to read twice.
/// </remarks>
[CollectionBuilder(typeof(PeerRanges), nameof(PeerRanges.Create))]
public sealed class PeerRanges<TAddress> : IReadOnlyList<PeerRange<TAddress>>
    where TAddress : unmanaged, IBinaryInteger<TAddress>, IMinMaxValue<TAddress>
{
    private const int BlockLength = 512;

    private readonly PeerRange<TAddress>[][] _blocks;
    private readonly int[] _starts;

    internal PeerRanges(ReadOnlySpan<PeerRange<TAddress>> ranges)
        : this(Cut(ranges)) { }

    private PeerRanges(PeerRange<TAddress>[][] blocks)
    {
        _blocks = blocks;
        _starts = new int[blocks.Length];
        for (int block = 0; block < blocks.Length; block++)
        {
            _starts[block] = Count;
            Count += blocks[block].Length;
        }
    }

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public PeerRange<TAddress> this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            int block = BlockOf(index);
            return _blocks[block][index - _starts[block]];
        }
    }

    /// <summary>The range that an address lies in.</summary>
    /// <param name="address">In host byte order.</param>
    public PeerRange<TAddress> At(TAddress address) => this[IndexOf(address)];

    /// <summary>Which range an address lies in.</summary>
    /// <param name="address">In host byte order.</param>
    public int IndexOf(TAddress address)
    {
        int block = LastNotAfter(_blocks, address, static one => one[0].First);
        return _starts[block] + LastNotAfter(_blocks[block], address, static one => one.First);
    }

    /// <summary>The last address of a range.</summary>
    /// <param name="index">Which range.</param>
    public TAddress LastOf(int index) => index + 1 < Count ? this[index + 1].First - TAddress.One : TAddress.MaxValue;

    /// <summary>Some ranges in a row, as <c>ranges[2..5]</c> asks for them.</summary>
    /// <param name="start">The first of them.</param>
    /// <param name="length">How many.</param>
    public PeerRange<TAddress>[] Slice(int start, int length)
    {
        var slice = new PeerRange<TAddress>[length];
        for (int copied = 0; copied < length;)
        {
            int block = BlockOf(start + copied);
            ReadOnlySpan<PeerRange<TAddress>> rest = _blocks[block].AsSpan(start + copied - _starts[block]);
            rest = rest[..Math.Min(rest.Length, length - copied)];
            rest.CopyTo(slice.AsSpan(copied));
            copied += rest.Length;
        }
        return slice;
    }

    /// <summary>The same map but for one address.</summary>
    /// <param name="one">The address, its class and its owner; neighbours that are alike become one range.</param>
    public PeerRanges<TAddress> With(PeerRange<TAddress> one)
    {
        // The range that it is cut out of, and those that it may join.
        int at = IndexOf(one.First);
        int first = BlockOf(Math.Max(0, at - 1));
        int last = BlockOf(Math.Min(Count - 1, at + 1));
        List<PeerRange<TAddress>> edited = [.. _blocks[first]];
        for (int block = first + 1; block <= last; block++)
        {
            edited.AddRange(_blocks[block]);
        }
        Change(edited, at - _starts[first], one);
        // Blocks that have grown are cut again, so that the next change copies as little.
        PeerRange<TAddress>[][] cut = edited.Count <= 2 * BlockLength ? [[.. edited]] : Cut([.. edited]);
        return new PeerRanges<TAddress>([.. _blocks[..first], .. cut, .. _blocks[(last + 1)..]]);
    }

    /// <summary>How many ranges at the start are those of another map.</summary>
    /// <param name="other">The other map.</param>
    public int CommonPrefix(PeerRanges<TAddress> other)
    {
        ArgumentNullException.ThrowIfNull(other);
        (int block, int offset, int otherBlock, int otherOffset) = (0, 0, 0, 0);
        int common = 0;
        while (block < _blocks.Length && otherBlock < other._blocks.Length)
        {
            ReadOnlySpan<PeerRange<TAddress>> here = _blocks[block].AsSpan(offset);
            ReadOnlySpan<PeerRange<TAddress>> there = other._blocks[otherBlock].AsSpan(otherOffset);
            int most = Math.Min(here.Length, there.Length);
            int alike = here == there ? most : here.CommonPrefixLength(there);
            common += alike;
            if (alike < most)
            {
                break;
            }
            (block, offset) = most == here.Length ? (block + 1, 0) : (block, offset + most);
            (otherBlock, otherOffset) = most == there.Length ? (otherBlock + 1, 0) : (otherBlock, otherOffset + most);
        }
        return common;
    }

    /// <summary>How many ranges at the end are those of another map.</summary>
    /// <param name="other">The other map.</param>
    /// <param name="most">More are not looked for: those that both begin with are no end.</param>
    public int CommonSuffix(PeerRanges<TAddress> other, int most)
    {
        ArgumentNullException.ThrowIfNull(other);
        (int block, int otherBlock) = (_blocks.Length - 1, other._blocks.Length - 1);
        (int end, int otherEnd) = (_blocks[block].Length, other._blocks[otherBlock].Length);
        int common = 0;
        while (common < most)
        {
            ReadOnlySpan<PeerRange<TAddress>> here = _blocks[block].AsSpan(0, end);
            ReadOnlySpan<PeerRange<TAddress>> there = other._blocks[otherBlock].AsSpan(0, otherEnd);
            int mostHere = Math.Min(most - common, Math.Min(here.Length, there.Length));
            int alike = here == there ? mostHere : AlikeAtEnd(here, there, mostHere);
            common += alike;
            if (alike < mostHere || common == most)
            {
                break;
            }
            (block, end) = alike == end ? (block - 1, _blocks[block - 1].Length) : (block, end - alike);
            (otherBlock, otherEnd) = alike == otherEnd ? (otherBlock - 1, other._blocks[otherBlock - 1].Length) : (otherBlock, otherEnd - alike);
        }
        return common;
    }

    /// <summary>Whether another map says the same of every address.</summary>
    /// <param name="other">The other map.</param>
    public bool SaysSameAs(PeerRanges<TAddress> other) => ReferenceEquals(this, other) || (Count == other?.Count && CommonPrefix(other) == Count);

    /// <inheritdoc/>
    public IEnumerator<PeerRange<TAddress>> GetEnumerator() => _blocks.SelectMany(static block => block).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static int AlikeAtEnd(ReadOnlySpan<PeerRange<TAddress>> one, ReadOnlySpan<PeerRange<TAddress>> other, int most)
    {
        int alike = 0;
        while (alike < most && one[one.Length - 1 - alike] == other[other.Length - 1 - alike])
        {
            alike++;
        }
        return alike;
    }

    private static PeerRange<TAddress>[][] Cut(ReadOnlySpan<PeerRange<TAddress>> ranges)
    {
        var blocks = new PeerRange<TAddress>[(ranges.Length + BlockLength - 1) / BlockLength][];
        for (int block = 0; block < blocks.Length; block++)
        {
            int start = block * BlockLength;
            blocks[block] = ranges[start..Math.Min(ranges.Length, start + BlockLength)].ToArray();
        }
        return blocks;
    }

    private static void Change(List<PeerRange<TAddress>> ranges, int at, PeerRange<TAddress> one)
    {
        PeerRange<TAddress> old = ranges[at];
        if (IsAlike(old, one))
        {
            return;
        }
        bool isLast = one.First == TAddress.MaxValue || (at + 1 < ranges.Count && ranges[at + 1].First == one.First + TAddress.One);
        if (!isLast)
        {
            ranges.Insert(at + 1, old with { First = one.First + TAddress.One });
        }
        else if (at + 1 < ranges.Count && IsAlike(ranges[at + 1], one))
        {
            ranges.RemoveAt(at + 1);
        }
        if (old.First == one.First)
        {
            ranges.RemoveAt(at--);
        }
        if (at < 0 || !IsAlike(ranges[at], one))
        {
            ranges.Insert(at + 1, one);
        }
    }

    private static bool IsAlike(PeerRange<TAddress> one, PeerRange<TAddress> other) => one.Class == other.Class && one.Unit == other.Unit;

    private int BlockOf(int index) => LastNotAfter(_starts, index, static start => start);

    private static int LastNotAfter<TItem, TKey>(TItem[] items, TKey key, Func<TItem, TKey> keyOf)
        where TKey : IComparable<TKey>
    {
        (int low, int high) = (0, items.Length - 1);
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            (low, high) = keyOf(items[middle]).CompareTo(key) <= 0 ? (middle, high) : (low, middle - 1);
        }
        return low;
    }
}

/// <summary>What <c>[…]</c> means where <see cref="PeerRanges{TAddress}"/> are wanted.</summary>
public static class PeerRanges
{
    /// <summary>Makes a map.</summary>
    /// <param name="ranges">Ascending, without gaps, the first at 0.</param>
    /// <typeparam name="TAddress"><see cref="uint"/> for IPv4, <see cref="UInt128"/> for IPv6.</typeparam>
    public static PeerRanges<TAddress> Create<TAddress>(ReadOnlySpan<PeerRange<TAddress>> ranges)
        where TAddress : unmanaged, IBinaryInteger<TAddress>, IMinMaxValue<TAddress> => new(ranges);
}
