using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>
/// A node of 256 slots: a bitmap of where runs of equal entries begin, how many begin before each quarter, and the entries of the runs.
/// Lookup is <c>dp_node_entry</c> in <c>bpf/lib/policy.h</c>.
/// </summary>
internal static class RunNode
{
    /// <summary>Slots of a node.</summary>
    public const int Slots = 256;

    /// <summary>The most words that a node takes: every slot a run of its own.</summary>
    public const int MaxWords = RunsWord + Slots;

    private const int CountsWord = 8;
    private const int RunsWord = 9;
    private const int BitsOfQuarter = 64;

    /// <summary>Writes a node.</summary>
    /// <param name="entries">One for each slot.</param>
    /// <param name="words">Where to; <see cref="MaxWords"/> are enough.</param>
    /// <returns>Words written.</returns>
    public static int Write(ReadOnlySpan<uint> entries, Span<uint> words)
    {
        // One slot further, so that a slot and the one before it are compared eight at a time; before the first stands what it is not.
        Span<uint> shifted = stackalloc uint[Slots + 1];
        shifted[0] = ~entries[0];
        entries[..Slots].CopyTo(shifted[1..]);
        Span<ulong> bitmap = stackalloc ulong[Slots / BitsOfQuarter];
        int count = 0;
        for (int quarter = 0; quarter < bitmap.Length; quarter++)
        {
            ulong begins = 0;
            for (int bit = 0; bit < BitsOfQuarter; bit += Vector256<uint>.Count)
            {
                ReadOnlySpan<uint> at = shifted[((quarter * BitsOfQuarter) + bit)..];
                Vector256<uint> isEqual = Vector256.Equals(Vector256.Create(at), Vector256.Create(at[1..]));
                begins |= (ulong)(byte)~isEqual.ExtractMostSignificantBits() << bit;
            }

            bitmap[quarter] = begins;
            for (; begins != 0; begins &= begins - 1)
            {
                words[RunsWord + count++] = entries[(quarter * BitsOfQuarter) + BitOperations.TrailingZeroCount(begins)];
            }
        }

        MemoryMarshal.Cast<ulong, uint>(bitmap).CopyTo(words);
        words[CountsWord] = CumulativeCounts(bitmap);
        return RunsWord + count;
    }

    /// <summary>Byte q holds how many runs begin before quarter q; at most 192.</summary>
    private static uint CumulativeCounts(ReadOnlySpan<ulong> bitmap)
    {
        uint counts = 0;
        int before = 0;
        for (int quarter = 0; quarter < bitmap.Length; quarter++)
        {
            counts |= (uint)before << (quarter * 8);
            before += BitOperations.PopCount(bitmap[quarter]);
        }

        return counts;
    }
}
