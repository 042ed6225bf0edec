using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>What two maps of the addresses of IPv4 say differently.</summary>
/// <param name="Slots">The slots of a root of 16 bits below which any address has another leaf, ascending.</param>
/// <param name="Sum">By how much their <see cref="AddressSum"/> differs.</param>
internal sealed record AddressDifference(IReadOnlyList<int> Slots, ulong Sum)
{
    private const int SlotBits = 16;
    private const ulong End = 1UL << 32;

    /// <summary>Nothing.</summary>
    public static AddressDifference None { get; } = new([], Sum: 0);

    /// <summary>Compares.</summary>
    /// <param name="before">The whole address space.</param>
    /// <param name="after">The whole address space.</param>
    /// <param name="mostSlots">More than this are not worth a patch.</param>
    /// <returns>Null when there are more.</returns>
    public static AddressDifference? Between(PeerRanges<uint> before, PeerRanges<uint> after, int mostSlots)
    {
        int same = before.CommonPrefix(after);
        int suffix = before.CommonSuffix(after, Math.Min(before.Count, after.Count) - same);
        if (RootSlots(before, after, same, suffix, mostSlots) is not { } slots)
        {
            return null;
        }

        ulong sum = unchecked(AddressSum.Of(after[same..^suffix]) - AddressSum.Of(before[same..^suffix]));
        return new AddressDifference(slots, sum);
    }

    private static List<int>? RootSlots(PeerRanges<uint> before, PeerRanges<uint> after, int same, int suffix, int most)
    {
        var slots = new List<int>();
        int i = Math.Max(0, same - 1);
        int j = i;
        for (ulong position = before[i].First; position < End && (i < before.Count - suffix || j < after.Count - suffix);)
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

    private static ulong EndOf(PeerRanges<uint> ranges, int i) => ranges.LastOf(i) + 1UL;

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
