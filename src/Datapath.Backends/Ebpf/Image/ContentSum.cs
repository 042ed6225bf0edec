using System.Collections.Immutable;
using System.Numerics;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>
/// A sum by 64-bit words over what tables say: equal for equal tables, wherever in memory they are. As FNV-1a, but rotated: a multiplication
/// alone would let the upper half of a word count in the upper half of the sum only.
/// </summary>
internal struct ContentSum
{
    private const ulong OffsetBasis = 0xcbf29ce484222325;
    private const ulong Prime = 0x100000001b3;

    private ulong _sum = OffsetBasis;

    /// <summary>Begins.</summary>
    public ContentSum()
    {
    }

    /// <summary>The sum of everything so far.</summary>
    public readonly ulong Value => _sum;

    /// <summary>Spreads each bit of a word over all bits of another: the finalizer of MurmurHash3.</summary>
    public static ulong Mix(ulong word)
    {
        word = unchecked((word ^ (word >> 33)) * 0xff51afd7ed558ccd);
        word = unchecked((word ^ (word >> 33)) * 0xc4ceb9fe1a85ec53);
        return word ^ (word >> 33);
    }

    /// <summary>Adds a word.</summary>
    public void Add(ulong word) => _sum = BitOperations.RotateLeft(_sum ^ word, 29) * Prime;

    /// <summary>The sum over port classes.</summary>
    /// <param name="ports">The tables.</param>
    public static ulong Of(PortMap ports)
    {
        var sum = new ContentSum();
        foreach (ImmutableArray<PortRun> table in ports.Tables)
        {
            sum.Add((ulong)table.Length);
            foreach (PortRun run in table)
            {
                sum.Add(((ulong)run.First << 32) | run.Class);
            }
        }

        return sum.Value;
    }

    /// <summary>The sum over what is neither addresses nor ports.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="form">The form of its rows.</param>
    public static ulong OfMatrix(CompiledPolicy policy, RowForm form)
    {
        var sum = new ContentSum();
        sum.Add(((ulong)form << 32) | (uint)policy.LocalDescriptor);
        sum.Add(policy.Rows);
        foreach (UnitPolicy one in policy.Policies)
        {
            sum.Add((one.IncomingPortsMatter ? 1UL : 0) | (one.OutgoingPortsMatter ? 2UL : 0));
            sum.Add(one.Incoming);
            sum.Add(one.Outgoing);
        }

        foreach (LocalUnit unit in policy.Units)
        {
            sum.Add(((ulong)unit.Number << 32) | (uint)unit.Policy);
        }

        foreach (Descriptor one in policy.Descriptors)
        {
            sum.Add(((ulong)one.RuleIndex << 32) | (uint)one.ObservedRuleIndex);
            sum.Add(((ulong)one.Verdict << 32) | ((ulong)one.ObservedVerdict << 16) | (ulong)one.Flags);
        }

        return sum.Value;
    }

    private void Add(ImmutableArray<MatrixRow> rows)
    {
        Add((ulong)rows.Length);
        foreach (MatrixRow row in rows)
        {
            foreach (CellRun run in row.Runs)
            {
                Add(((ulong)run.First << 32) | (uint)run.Cell);
            }
        }
    }

    private void Add(ImmutableArray<int> numbers)
    {
        Add((ulong)numbers.Length);
        foreach (int number in numbers)
        {
            Add((ulong)number);
        }
    }
}
