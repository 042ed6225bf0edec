using System.Runtime.InteropServices;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>Finds what two maps of the addresses of IPv4 say differently.</summary>
internal static class AddressDifference
{
    private const int SlotBits = 16;
    private const ulong End = 1UL << 32;

    /// <summary>The slots of a root of 16 bits below which any address has another leaf, ascending.</summary>
    /// <param name="before">The whole address space.</param>
    /// <param name="after">The whole address space.</param>
    /// <param name="most">More than this are not worth a patch.</param>
    /// <returns>Null when there are more.</returns>
    public static IReadOnlyList<int>? RootSlots(ReadOnlySpan<PeerRange<uint>> before, ReadOnlySpan<PeerRange<uint>> after, int most)
    {
        // As long words, which vectors compare; a range is eight bytes without padding.
        int same = MemoryMarshal.Cast<PeerRange<uint>, ulong>(before).CommonPrefixLength(MemoryMarshal.Cast<PeerRange<uint>, ulong>(after));
        int suffix = CommonSuffix(before[same..], after[same..]);
        var slots = new List<int>();
        int i = Math.Max(0, same - 1);
        int j = i;
        for (ulong position = before[i].First; position < End && (i < before.Length - suffix || j < after.Length - suffix);)
        {
            ulong next = Math.Min(EndOf(before, i), EndOf(after, j));
            if (AddressRun.LeafOf(before[i]) != AddressRun.LeafOf(after[j]) && !Add(slots, position, next - 1, most))
            {
                return null;
            }

            i += EndOf(before, i) == next ? 1 : 0;
            j += EndOf(after, j) == next ? 1 : 0;
            position = next;
        }

        return slots;
    }

    private static int CommonSuffix(ReadOnlySpan<PeerRange<uint>> before, ReadOnlySpan<PeerRange<uint>> after)
    {
        int count = 0;
        while (count < before.Length && count < after.Length && before[^(count + 1)] == after[^(count + 1)])
        {
            count++;
        }

        return count;
    }

    private static ulong EndOf(ReadOnlySpan<PeerRange<uint>> ranges, int i) => i + 1 < ranges.Length ? ranges[i + 1].First : End;

    private static bool Add(List<int> slots, ulong first, ulong last, int most)
    {
        for (int slot = (int)(first >> SlotBits); slot <= (int)(last >> SlotBits); slot++)
        {
            if (slots.Count > 0 && slots[^1] == slot)
            {
                continue;
            }

            if (slots.Count == most)
            {
                return false;
            }

            slots.Add(slot);
        }

        return true;
    }
}
