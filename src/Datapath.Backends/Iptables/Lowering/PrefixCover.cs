using System.Runtime.InteropServices;

namespace Datapath.Backends.Iptables.Lowering;

/// <summary>A prefix of the set of classes.</summary>
/// <param name="Address">Its first address, in host byte order.</param>
/// <param name="Length">Its length in bits, 1 or more: a hash:net set has no room for length 0.</param>
/// <param name="Id">Number of the class; the longest prefix that holds an address decides.</param>
internal readonly record struct ClassPrefix(UInt128 Address, int Length, int Id);

/// <summary>A run of addresses of one class.</summary>
/// <param name="First">The first address, in host byte order; the run ends where the next one starts.</param>
/// <param name="Id">Number of the class.</param>
internal readonly record struct ClassRange(UInt128 First, int Id);

/// <summary>
/// Says the same as ranges in the fewest prefixes, of which the longest decides: a network with ten thousand holes is ten thousand and one
/// entries, not the hundreds of thousands that lie between the holes.
/// </summary>
/// <remarks>Draves, King, Venkatachary, Zill: Constructing Optimal IP Routing Tables (INFOCOM 1999).</remarks>
internal sealed class PrefixCover
{
    private const int Nothing = -1;

    private readonly ClassRange[] _ranges;
    private readonly int _bits;
    private readonly Choices _choices = new();
    private readonly List<Node> _nodes = [];
    private readonly List<ClassPrefix> _prefixes = [];
    private int _at;

    private PrefixCover(IEnumerable<ClassRange> ranges, int bits)
    {
        _ranges = [.. ranges];
        _bits = bits;
    }

    /// <summary>The prefixes, ascending by address and length.</summary>
    /// <param name="ranges">The whole address space, ascending, without gaps.</param>
    /// <param name="bits">Width of an address: 32 or 128.</param>
    public static IReadOnlyList<ClassPrefix> Of(IEnumerable<ClassRange> ranges, int bits)
    {
        var cover = new PrefixCover(ranges, bits);
        Node root = cover.Read(UInt128.Zero, 0);
        // No entry can stand for the whole space, so its halves choose for themselves. Each has one: whoever looks up an address finds it, and
        // need not forget first what was found for another.
        UInt128 half = UInt128.One << (bits - 1);
        cover.Write(root.Low < 0 ? root : cover._nodes[root.Low], UInt128.Zero, 1, inherited: Nothing);
        cover.Write(root.Low < 0 ? root : cover._nodes[root.High], half, 1, inherited: Nothing);
        return cover._prefixes;
    }

    // From the leaves up: the classes that a node may stand for at no extra cost.
    private Node Read(UInt128 first, int length)
    {
        UInt128 last = first + ((length == 0 ? UInt128.Zero : UInt128.One << (_bits - length)) - 1);
        if (length == 0)
        {
            last = _bits == 128 ? UInt128.MaxValue : uint.MaxValue;
        }

        while (_at + 1 < _ranges.Length && _ranges[_at + 1].First <= first)
        {
            _at++;
        }

        bool isWhole = _at + 1 == _ranges.Length || _ranges[_at + 1].First > last;
        if (isWhole)
        {
            return new Node(_choices.Single(_ranges[_at].Id), -1, -1);
        }

        Node low = Read(first, length + 1);
        Node high = Read(first + (UInt128.One << (_bits - length - 1)), length + 1);
        if (low.Low < 0 && high.Low < 0 && low.Choice == high.Choice)
        {
            return low;
        }

        return new Node(_choices.Both(low.Choice, high.Choice), Keep(low), Keep(high));
    }

    private int Keep(Node node)
    {
        _nodes.Add(node);
        return _nodes.Count - 1;
    }

    // From the root down: what is inherited is kept where that is possible.
    private void Write(Node node, UInt128 first, int length, int inherited)
    {
        int id = _choices.Pick(node.Choice, inherited);
        if (id != inherited)
        {
            _prefixes.Add(new ClassPrefix(first, length, id));
        }

        if (node.Low >= 0)
        {
            Write(_nodes[node.Low], first, length + 1, id);
            Write(_nodes[node.High], first + (UInt128.One << (_bits - length - 1)), length + 1, id);
        }
    }

    private readonly record struct Node(int Choice, int Low, int High);

    /// <summary>Sets of classes, each stored once.</summary>
    private sealed class Choices
    {
        private readonly List<int[]> _sets = [];
        private readonly Dictionary<int, int> _singles = [];
        private readonly Dictionary<(int, int), int> _pairs = [];

        public int Single(int id)
        {
            ref int set = ref CollectionsMarshal.GetValueRefOrAddDefault(_singles, id, out bool isKnown);
            return isKnown ? set : set = Keep([id]);
        }

        /// <summary>What both may stand for, or else what either may.</summary>
        public int Both(int left, int right)
        {
            if (left == right)
            {
                return left;
            }

            ref int set = ref CollectionsMarshal.GetValueRefOrAddDefault(_pairs, (left, right), out bool isKnown);
            if (!isKnown)
            {
                int[] common = [.. _sets[left].Intersect(_sets[right])];
                int[] chosen = common.Length > 0 ? common : [.. _sets[left].Union(_sets[right])];
                Array.Sort(chosen);
                set = chosen.Length == 1 ? Single(chosen[0]) : Keep(chosen);
            }

            return set;
        }

        public int Pick(int set, int wanted) => Array.BinarySearch(_sets[set], wanted) >= 0 ? wanted : _sets[set][0];

        private int Keep(int[] ids)
        {
            _sets.Add(ids);
            return _sets.Count - 1;
        }
    }
}
