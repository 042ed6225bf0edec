using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>
/// Writes runs of addresses as a multibit trie: a root of 16 bits, then strides of 8 with run-compressed nodes, and skip nodes where only
/// one way goes on. Lookup is <c>dp_classify4</c> and <c>dp_classify6</c> in <c>bpf/lib/policy.h</c>.
/// </summary>
internal sealed class TrieEncoder
{
    private const uint NodeBit = 0x8000_0000;
    private const uint SkipBit = 0x4000_0000;
    private const int RootBits = 16;
    private const int StrideBits = 8;

    private readonly ImageLines _lines;
    private readonly AddressRun[] _runs;
    private readonly int _width;
    private readonly bool _skips;

    private TrieEncoder(ImageLines lines, AddressRun[] runs, int width)
    {
        _lines = lines;
        _runs = runs;
        _width = width;
        // An IPv4 path is two nodes long: there is nothing to skip.
        _skips = width > 32;
    }

    /// <summary>Writes a trie.</summary>
    /// <param name="lines">Where to.</param>
    /// <param name="runs">Ascending, the first at address 0.</param>
    /// <param name="width">Bits of an address: 32 or 128.</param>
    /// <returns>The line of the root.</returns>
    public static int Encode(ImageLines lines, AddressRun[] runs, int width)
    {
        var encoder = new TrieEncoder(lines, runs, width);
        int root = lines.AllocateBytes((1 << RootBits) * sizeof(uint));
        var entries = new uint[1 << RootBits];
        encoder.FillSlots(new Block(0, width, 0), RootBits, entries);
        entries.CopyTo(lines.WordsFrom(root));
        return root;
    }

    /// <summary>About how many lines a patch takes: a root, and below each slot some nodes.</summary>
    public static int ExpectedPatchLines(int slots) => ((1 << RootBits) / PolicyImage.LineWords) + (slots * 64);

    /// <summary>Writes a trie of IPv4 that shares with an earlier one everything below most slots of its root.</summary>
    /// <param name="lines">Where to; behind the earlier one, so that it can be referred to.</param>
    /// <param name="root">The root of the earlier one.</param>
    /// <param name="ranges">What the new one says.</param>
    /// <param name="slots">The slots below which it says something else.</param>
    /// <returns>The line of the new root.</returns>
    public static int Patch(ImageLines lines, ReadOnlySpan<uint> root, PeerRanges<uint> ranges, IReadOnlyList<int> slots)
    {
        const int Open = 32 - RootBits;
        int line = lines.AllocateBytes((1 << RootBits) * sizeof(uint));
        root[..(1 << RootBits)].CopyTo(lines.WordsFrom(line));
        foreach (int slot in slots)
        {
            uint first = (uint)slot << Open;
            int from = ranges.IndexOf(first);
            int to = ranges.IndexOf(first | ((1 << Open) - 1));
            AddressRun[] runs = AddressRun.Of(ranges[from..(to + 1)]);
            uint entry = from == to ? runs[0].Leaf : new TrieEncoder(lines, runs, width: 32).EncodeBlock(new Block(first, Open, 0));
            lines.WordsFrom(line)[slot] = entry;
        }

        return line;
    }

    /// <summary>The addresses below one entry.</summary>
    /// <param name="First">The lowest of them.</param>
    /// <param name="Bits">How many bits of the address are still open.</param>
    /// <param name="Run">Index of the run that the lowest lies in.</param>
    private readonly record struct Block(UInt128 First, int Bits, int Run)
    {
        public UInt128 Last => Bits == 128 ? UInt128.MaxValue : First + ((UInt128.One << Bits) - 1);
    }

    /// <summary>Gives each slot of a block its entry; runs of equal slots are filled at once.</summary>
    private void FillSlots(Block block, int stride, Span<uint> entries)
    {
        int slotBits = block.Bits - stride;
        int run = block.Run;
        int slot = 0;
        while (slot < entries.Length)
        {
            UInt128 first = block.First + ((UInt128)slot << slotBits);
            while (EndOf(run) < first)
            {
                run++;
            }

            UInt128 end = EndOf(run);
            UInt128 slotEnd = slotBits == 0 ? first : first + ((UInt128.One << slotBits) - 1);
            if (end < slotEnd)
            {
                entries[slot++] = EncodeBlock(new Block(first, slotBits, run));
                continue;
            }

            // The run covers this slot and perhaps some after it.
            UInt128 covered = end - block.First;
            int after = covered >= block.Last - block.First ? entries.Length : (int)((covered + 1) >> slotBits);
            entries[slot..after].Fill(_runs[run].Leaf);
            slot = after;
        }
    }

    /// <summary>The entry of a block that more than one run lies in.</summary>
    private uint EncodeBlock(Block block)
    {
        Block inner = _skips ? Narrow(block) : block;
        Span<uint> entries = stackalloc uint[RunNode.Slots];
        FillSlots(inner, StrideBits, entries);
        uint child = NodeBit | (uint)WriteNode(entries);
        return inner.Bits == block.Bits ? child : NodeBit | SkipBit | (uint)WriteSkip(inner, _runs[block.Run].Leaf, child);
    }

    /// <summary>Goes down as long as all of a block but one slot has one leaf.</summary>
    private Block Narrow(Block block)
    {
        while (block.Bits > StrideBits)
        {
            UInt128 last = block.Last;
            int lastRun = block.Run;
            while (EndOf(lastRun) < last)
            {
                lastRun++;
            }

            int slotBits = block.Bits - StrideBits;
            UInt128 firstBoundary = _runs[block.Run + 1].First;
            UInt128 lastBoundary = _runs[lastRun].First;
            // The last boundary may be the very end of the slot, where the outer leaf goes on.
            UInt128 slot = (firstBoundary - block.First) >> slotBits;
            UInt128 slotFirst = block.First + (slot << slotBits);
            UInt128 slotLast = slotFirst + ((UInt128.One << slotBits) - 1);
            bool oneWay = lastBoundary > slotFirst && lastBoundary <= slotLast && _runs[lastRun].Leaf == _runs[block.Run].Leaf;
            if (!oneWay)
            {
                return block;
            }

            int run = firstBoundary == slotFirst ? block.Run + 1 : block.Run;
            block = new Block(slotFirst, slotBits, run);
        }

        return block;
    }

    private UInt128 EndOf(int run) =>
        run + 1 < _runs.Length ? _runs[run + 1].First - 1
        : _width == 128 ? UInt128.MaxValue
        : (UInt128.One << _width) - 1;

    private int WriteNode(ReadOnlySpan<uint> entries)
    {
        Span<uint> node = stackalloc uint[RunNode.MaxWords];
        int words = RunNode.Write(entries, node);
        int line = _lines.AllocateBytes(words * sizeof(uint));
        node[..words].CopyTo(_lines.WordsFrom(line));
        return line;
    }

    /// <summary>A skip node, <c>struct dp_skip</c>: the whole path so far as key and mask, and what is off the path.</summary>
    private int WriteSkip(Block inner, uint otherwise, uint child)
    {
        UInt128 mask = UInt128.MaxValue << inner.Bits;
        int line = _lines.Allocate(1);
        Span<ulong> longs = _lines.LongsFrom(line);
        longs[0] = (ulong)(inner.First >> 64);
        longs[1] = (ulong)inner.First;
        longs[2] = (ulong)(mask >> 64);
        longs[3] = (ulong)mask;
        Span<uint> words = _lines.WordsFrom(line);
        words[8] = otherwise;
        words[9] = child;
        words[10] = (uint)((_width - inner.Bits) / 8);
        return line;
    }
}
