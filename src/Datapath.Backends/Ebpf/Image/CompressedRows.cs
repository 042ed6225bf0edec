using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>
/// Rows as trees of two levels over the 16-bit port class: the high node by its upper eight bits, the low nodes by the others. A block of
/// 256 port classes with one cell is that cell and no node; equal nodes are one node, in whichever rows they are. Lookup is
/// <c>dp_compressed_cell</c> in <c>bpf/lib/policy.h</c>.
/// </summary>
internal sealed class CompressedRows
{
    private const uint NodeBit = 0x8000_0000;
    private const uint LowBit = 0x4000_0000;

    private readonly int _firstLine;
    private readonly int _blocks;
    private readonly Dictionary<ulong, int> _lastOfHash = [];
    private readonly List<(int Line, int Words, int BeforeOfHash)> _nodes = [];
    private readonly uint[] _slots = new uint[RunNode.Slots];
    private readonly uint[] _blocksOfRow = new uint[RunNode.Slots];
    private uint[] _words = new uint[1 << 12];

    private CompressedRows(int portClasses, int firstLine, int rows)
    {
        _blocks = (portClasses + RunNode.Slots - 1) / RunNode.Slots;
        _firstLine = firstLine;
        Entries = new uint[rows];
    }

    /// <summary>For each row what tables of rows say of it.</summary>
    public uint[] Entries { get; }

    /// <summary>Lines that the nodes take together.</summary>
    public int Lines { get; private set; }

    /// <summary>The nodes.</summary>
    public ReadOnlySpan<uint> Words => _words.AsSpan(0, Lines * PolicyImage.LineWords);

    /// <summary>Builds the trees.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="portClasses">Port classes that they have, 65,536 at most.</param>
    /// <param name="firstLine">The line of the image at which the nodes will begin.</param>
    public static CompressedRows Of(ImmutableArray<MatrixRow> rows, int portClasses, int firstLine)
    {
        var built = new CompressedRows(portClasses, firstLine, rows.Length);
        for (int i = 0; i < rows.Length; i++)
        {
            built.Entries[i] = built.EntryOf(rows[i].Runs);
        }

        return built;
    }

    private uint EntryOf(ImmutableArray<CellRun> runs)
    {
        int run = 0;
        for (int block = 0; block < _blocks; block++)
        {
            int first = block * RunNode.Slots;
            while (run + 1 < runs.Length && runs[run + 1].First <= first)
            {
                run++;
            }

            _blocksOfRow[block] = EntryOfBlock(runs, run, first);
        }

        // The slots above the last port class are never asked for: without a run of their own they cost nothing.
        _blocksOfRow.AsSpan(_blocks).Fill(_blocksOfRow[_blocks - 1]);
        bool isOne = !_blocksOfRow.AsSpan(0, _blocks).ContainsAnyExcept(_blocksOfRow[0]);
        return isOne ? _blocksOfRow[0] : NodeBit | Node(_blocksOfRow);
    }

    /// <summary>The cell of a block, or its node.</summary>
    private uint EntryOfBlock(ImmutableArray<CellRun> runs, int run, int first)
    {
        bool isOne = run + 1 == runs.Length || runs[run + 1].First >= first + RunNode.Slots;
        if (isOne)
        {
            return RowEncoder.CellOf(runs[run].Cell);
        }

        for (int slot = 0; slot < RunNode.Slots; run++)
        {
            int end = run + 1 < runs.Length ? Math.Min(runs[run + 1].First - first, RunNode.Slots) : RunNode.Slots;
            _slots.AsSpan(slot..end).Fill(RowEncoder.CellOf(runs[run].Cell));
            slot = end;
        }

        return NodeBit | LowBit | Node(_slots);
    }

    /// <summary>The line of a node with these entries, written if there is none yet.</summary>
    private uint Node(ReadOnlySpan<uint> entries)
    {
        Span<uint> node = stackalloc uint[RunNode.MaxWords];
        node = node[..RunNode.Write(entries, node)];
        ref int last = ref CollectionsMarshal.GetValueRefOrAddDefault(_lastOfHash, Hash(node), out bool isKnown);
        int before = isKnown ? last : -1;
        for (int i = before; i >= 0; i = _nodes[i].BeforeOfHash)
        {
            if (node.SequenceEqual(_words.AsSpan(_nodes[i].Line * PolicyImage.LineWords, _nodes[i].Words)))
            {
                return (uint)(_firstLine + _nodes[i].Line);
            }
        }

        last = _nodes.Count;
        _nodes.Add((Append(node), node.Length, before));
        return (uint)(_firstLine + _nodes[last].Line);
    }

    private int Append(ReadOnlySpan<uint> node)
    {
        int line = Lines;
        Lines += (node.Length + PolicyImage.LineWords - 1) / PolicyImage.LineWords;
        int needed = checked(Lines * PolicyImage.LineWords);
        if (needed > _words.Length)
        {
            Array.Resize(ref _words, (int)Math.Max(needed, Math.Min(_words.Length * 2L, Array.MaxLength)));
        }

        node.CopyTo(_words.AsSpan(line * PolicyImage.LineWords));
        return line;
    }

    private static ulong Hash(ReadOnlySpan<uint> words)
    {
        ulong hash = (ulong)words.Length;
        foreach (uint word in words)
        {
            hash = (hash ^ word) * 0x9e3779b97f4a7c15;
            hash ^= hash >> 29;
        }

        return hash;
    }
}
