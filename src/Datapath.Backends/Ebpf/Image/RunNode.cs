using System.Numerics;
using System.Runtime.InteropServices;

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

    /// <summary>Writes a node.</summary>
    /// <param name="entries">One for each slot.</param>
    /// <param name="words">Where to; <see cref="MaxWords"/> are enough.</param>
    /// <returns>Words written.</returns>
    public static int Write(ReadOnlySpan<uint> entries, Span<uint> words)
    {
        Span<ulong> bitmap = stackalloc ulong[4];
        bitmap.Clear();
        int count = 0;
        for (int slot = 0; slot < Slots; slot++)
        {
            if (slot > 0 && entries[slot] == entries[slot - 1])
            {
                continue;
            }

            bitmap[slot >> 6] |= 1UL << (slot & 63);
            words[RunsWord + count++] = entries[slot];
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
