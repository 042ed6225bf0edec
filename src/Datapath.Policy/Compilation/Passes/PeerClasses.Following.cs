using System.Numerics;
using System.Runtime.InteropServices;
using Datapath.Policy.Resolution;

namespace Datapath.Policy.Compilation.Passes;

/// <content>Addresses of units that come and go among the classes that there are: the map of before with a few ranges changed.</content>
internal sealed partial class PeerClasses
{
    // More changes than this are laid anew: each copies a block of ranges.
    private const int MostChanges = 16;

    /// <summary>The same classes after nothing but addresses of units has changed.</summary>
    /// <param name="policy">The units.</param>
    /// <param name="numbers">For each unit its local number.</param>
    /// <returns>Null when they must be laid anew.</returns>
    public PeerClasses? After(ResolvedPolicy policy, int[] numbers)
    {
        var next = new PeerClasses(this, Owners(policy, numbers));
        if (next.Follow(this) is not { } map)
        {
            return null;
        }
        next.Map = map;
        return next;
    }

    /// <summary>The map, when all that differs from an earlier compilation is a few addresses, and every class keeps its number.</summary>
    /// <param name="known">The earlier compilation.</param>
    /// <returns>Null when it must be laid anew.</returns>
    private PeerMap? Follow(PeerClasses known)
    {
        if (!ReferenceEquals(_sweep, known._sweep) || !(ReferenceEquals(_atoms, known._atoms) || _atoms.AskLike(known._atoms)))
        {
            return null;
        }
        var changes = new List<AddressChange>();
        if (!Compare(known, known._low, _low, isIPv6: false, changes) || !Compare(known, known._high, _high, isIPv6: true, changes))
        {
            return null;
        }
        return new PeerMap(
            known.Map.ClassCount,
            Changed(known.Map.IPv4, changes.Where(one => !one.IsIPv6)),
            Changed(known.Map.IPv6, changes.Where(one => one.IsIPv6))
        );
    }

    /// <summary>Finds what came and went, and takes over the classes of what stayed.</summary>
    /// <returns>False when that is too much, or would give a class another number.</returns>
    private bool Compare(PeerClasses known, Owned[] before, Owned[] after, bool isIPv6, List<AddressChange> changes)
    {
        int i = 0;
        int j = 0;
        while (i < before.Length || j < after.Length)
        {
            bool isGone = j == after.Length || (i < before.Length && before[i].Address < after[j].Address);
            if (!isGone && i < before.Length && before[i] with { Class = NotSeen } == after[j])
            {
                after[j++] = before[i++];
                continue;
            }
            // One that changed hands goes and comes.
            bool stays = !isGone && i < before.Length && before[i].Address == after[j].Address;
            if (changes.Count == MostChanges || stays || !(isGone ? Goes(known, before[i++], isIPv6, changes) : Comes(known, ref after[j++], isIPv6, changes)))
            {
                return false;
            }
        }
        return true;
    }

    private bool Comes(PeerClasses known, ref Owned one, bool isIPv6, List<AddressChange> changes)
    {
        int set = SetAt(one.Address, isIPv6);
        _atoms.Collect(_sweep.Set(set), one.Unit, one.IsManaged, _collected);
        if (known._classes.Find(CollectionsMarshal.AsSpan(_collected)) is not { } found)
        {
            return false;
        }
        one = one with { Class = found };
        changes.Add(new AddressChange(isIPv6, one.Address, found, one.Number));
        // The class must have been met before, and the one that had the address must not have been met first here.
        return known.IsMetBefore(found, isIPv6, one.Address) && !known.IsFirstMetAt(known._classOfSet[set], isIPv6, one.Address);
    }

    private bool Goes(PeerClasses known, Owned one, bool isIPv6, List<AddressChange> changes)
    {
        int around = known._classOfSet[SetAt(one.Address, isIPv6)];
        changes.Add(new AddressChange(isIPv6, one.Address, around, 0));
        return around != NotSeen && known.IsMetBefore(around, isIPv6, one.Address) && !known.IsFirstMetAt(one.Class, isIPv6, one.Address);
    }

    private bool IsMetBefore(int peerClass, bool isIPv6, UInt128 address) => peerClass == 0 || _firstMet[peerClass].CompareTo((isIPv6, address)) < 0;

    private bool IsFirstMetAt(int peerClass, bool isIPv6, UInt128 address) => peerClass > 0 && _firstMet[peerClass] == (isIPv6, address);

    private int SetAt(UInt128 address, bool isIPv6)
    {
        ReadOnlySpan<SweptRange> ranges = (isIPv6 ? _sweep.IPv6 : _sweep.IPv4).AsSpan();
        (int low, int high) = (0, ranges.Length - 1);
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            (low, high) = ranges[middle].First <= address ? (middle, high) : (low, middle - 1);
        }
        return ranges[low].Set;
    }

    private static PeerRanges<TAddress> Changed<TAddress>(PeerRanges<TAddress> ranges, IEnumerable<AddressChange> changes)
        where TAddress : unmanaged, IBinaryInteger<TAddress>, IMinMaxValue<TAddress>
    {
        foreach (AddressChange one in changes)
        {
            ranges = ranges.With(new PeerRange<TAddress>(TAddress.CreateTruncating(one.Address), unchecked((ushort)one.Class), (ushort)one.Number));
        }
        return ranges;
    }

    /// <summary>An address that is another one's now.</summary>
    private readonly record struct AddressChange(bool IsIPv6, UInt128 Address, int Class, int Number);
}
