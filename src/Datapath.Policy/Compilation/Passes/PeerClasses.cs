using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Datapath.Policy.Inventory;
using Datapath.Policy.Resolution;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>Peer classes: addresses for which the same atoms hold, and the ranges in which they lie.</summary>
internal sealed partial class PeerClasses
{
    private const int NotSeen = -1;

    private readonly PeerAtoms _atoms;
    private readonly NetworkSweep _sweep;
    private readonly SequenceTable _classes = new();
    private readonly int[] _classOfSet;
    private readonly Owned[] _low;
    private readonly Owned[] _high;
    private readonly List<int> _collected = [];

    // Where each class is met first, which gives it its number; the empty class has its own without being met.
    private readonly List<(bool IsIPv6, UInt128 Address)> _firstMet = [(false, 0)];

    /// <summary>Lays the addresses of units over the swept networks and numbers what can be told apart.</summary>
    /// <param name="policy">The units.</param>
    /// <param name="numbers">For each unit its local number, 0 when it is not judged here.</param>
    /// <param name="atoms">Every question that a rule asks, already asked.</param>
    /// <param name="sweep">The swept networks.</param>
    /// <param name="known">Classes of an earlier compilation, whose ranges are taken over when they are the right ones.</param>
    public PeerClasses(ResolvedPolicy policy, int[] numbers, PeerAtoms atoms, NetworkSweep sweep, PeerClasses? known)
    {
        _atoms = atoms;
        _sweep = sweep;
        (_low, _high) = Owners(policy, numbers);
        if (known is not null && Follow(known) is { } map)
        {
            (_classes, _classOfSet, _firstMet) = (known._classes, known._classOfSet, known._firstMet);
            (Map, Division) = (map, known.Division);
            return;
        }
        Forget(_low);
        Forget(_high);
        _classOfSet = new int[sweep.SetCount];
        Array.Fill(_classOfSet, NotSeen);
        _classes.Intern([]);
        Number(sweep.IPv4, sweep.FirstOfSetsIPv4, _low, uint.MaxValue);
        Number(sweep.IPv6, sweep.FirstOfSetsIPv6, _high, UInt128.MaxValue);
        Map = known is not null && IsLaidLike(known) ? known.Map : Build();
        Division = known is not null && _classes.HasSame(known._classes) ? known.Division : new object();
    }

    private PeerClasses(PeerClasses known, (Owned[] Low, Owned[] High) owned)
    {
        (_atoms, _sweep, _low, _high) = (known._atoms, known._sweep, owned.Low, owned.High);
        (_classes, _classOfSet, _firstMet) = (known._classes, known._classOfSet, known._firstMet);
        (Map, Division) = (known.Map, known.Division);
    }

    /// <summary>Stands for the classes and their atoms: the same object as long as they are the same.</summary>
    public object Division { get; }

    /// <summary>The classes by address. Meaningless when there are more than 65,536.</summary>
    public PeerMap Map { get; private set; }

    /// <summary>Number of classes.</summary>
    public int Count => _classes.Count;

    /// <summary>The atoms that hold for the addresses of a class, ascending.</summary>
    public ReadOnlySpan<int> Atoms(int peerClass) => _classes[peerClass];

    private static (Owned[] Low, Owned[] High) Owners(ResolvedPolicy policy, int[] numbers)
    {
        var owned = new SortedDictionary<AddressKey, Owned>();
        for (int unit = 0; unit < policy.Units.Length; unit++)
        {
            foreach (UnitAddress address in policy.Units[unit].Addresses)
            {
                // An address that two units claim is an error of resolution; the first keeps it.
                owned.TryAdd(address.Key, new Owned(address.Key.Value, unit, numbers[unit], address.IsManaged, NotSeen));
            }
        }
        return (
            [.. owned.Where(one => !one.Key.IsIPv6).Select(one => one.Value)],
            [.. owned.Where(one => one.Key.IsIPv6).Select(one => one.Value)]
        );
    }

    private bool IsLaidLike(PeerClasses known) =>
        ReferenceEquals(_sweep, known._sweep)
        && Count == known.Count
        && _classOfSet.AsSpan().SequenceEqual(known._classOfSet)
        && _low.Select(one => one.Place).SequenceEqual(known._low.Select(one => one.Place))
        && _high.Select(one => one.Place).SequenceEqual(known._high.Select(one => one.Place));

    private PeerMap Build()
    {
        var low = ImmutableArray.CreateBuilder<PeerRange<UInt128>>(_sweep.IPv4.Length + (2 * _low.Length));
        var high = ImmutableArray.CreateBuilder<PeerRange<UInt128>>(_sweep.IPv6.Length + (2 * _high.Length));
        Lay(_sweep.IPv4, _low, uint.MaxValue, low);
        Lay(_sweep.IPv6, _high, UInt128.MaxValue, high);
        return new PeerMap(_classes.Count, [.. low.Select(range => new PeerRange<uint>((uint)range.First, range.Class, range.Unit))], [.. high]);
    }

    /// <summary>Numbers the classes of a family; a set is looked at where it stands first, unless units have all of the range.</summary>
    private void Number(ImmutableArray<SweptRange> ranges, ImmutableArray<int> firstOfSets, Owned[] owned, UInt128 end)
    {
        int next = 0;
        foreach (int i in firstOfSets)
        {
            UInt128 open = ranges[i].First;
            UInt128 last = i + 1 < ranges.Length ? ranges[i + 1].First - 1 : end;
            for (; next < owned.Length && owned[next].Address <= open; next++)
            {
                Meet(ref owned[next], end);
                if (owned[next].Address != open)
                {
                    continue;
                }
                if (open == last)
                {
                    // The set comes into its own later, where nobody has looked.
                    Lay(ranges, owned, end, onto: null);
                    return;
                }
                open++;
            }
            Met(ClassOfSet(ranges[i].Set), end, open);
        }
        for (; next < owned.Length; next++)
        {
            Meet(ref owned[next], end);
        }
    }

    private void Meet(ref Owned one, UInt128 end)
    {
        one = one with { Class = ClassOf(SetAt(one.Address, end != uint.MaxValue), one) };
        Met(one.Class, end, one.Address);
    }

    /// <summary>Walks over a family in ascending order; classes get their numbers in the order in which they are met.</summary>
    private void Lay(ImmutableArray<SweptRange> ranges, Owned[] owned, UInt128 end, ImmutableArray<PeerRange<UInt128>>.Builder? onto)
    {
        int next = 0;
        for (int i = 0; i < ranges.Length; i++)
        {
            int set = ranges[i].Set;
            UInt128 last = i + 1 < ranges.Length ? ranges[i + 1].First - 1 : end;
            UInt128 first = ranges[i].First;
            bool isOpen = true;
            for (; next < owned.Length && owned[next].Address <= last; next++)
            {
                ref Owned one = ref owned[next];
                if (one.Address > first)
                {
                    Append(onto, first, Met(ClassOfSet(set), end, first), 0);
                }
                one = one with { Class = one.Class == NotSeen ? ClassOf(set, one) : one.Class };
                Append(onto, one.Address, Met(one.Class, end, one.Address), one.Number);
                isOpen = one.Address != last;
                first = isOpen ? one.Address + 1 : first;
            }
            if (isOpen)
            {
                Append(onto, first, Met(ClassOfSet(set), end, first), 0);
            }
        }
    }

    private static void Forget(Owned[] owned)
    {
        foreach (ref Owned one in owned.AsSpan())
        {
            one = one with { Class = NotSeen };
        }
    }

    private int Met(int peerClass, UInt128 end, UInt128 address)
    {
        if (peerClass == _firstMet.Count)
        {
            _firstMet.Add((end != uint.MaxValue, address));
        }
        return peerClass;
    }

    private int ClassOfSet(int set)
    {
        if (_classOfSet[set] == NotSeen)
        {
            _atoms.Collect(_sweep.Set(set), unit: -1, isManaged: false, _collected);
            _classOfSet[set] = _classes.Intern(CollectionsMarshal.AsSpan(_collected));
        }
        return _classOfSet[set];
    }

    private int ClassOf(int set, Owned owned)
    {
        _atoms.Collect(_sweep.Set(set), owned.Unit, owned.IsManaged, _collected);
        return _classes.Intern(CollectionsMarshal.AsSpan(_collected));
    }

    private static void Append(ImmutableArray<PeerRange<UInt128>>.Builder? ranges, UInt128 first, int peerClass, int number)
    {
        if (ranges is null)
        {
            return;
        }
        // More classes than fit are counted here and refused by the compiler, so the cut is never used.
        var next = new PeerRange<UInt128>(first, unchecked((ushort)peerClass), (ushort)number);
        if (ranges.Count == 0 || ranges[^1].Class != next.Class || ranges[^1].Unit != next.Unit)
        {
            ranges.Add(next);
        }
    }

    private readonly record struct Owned(UInt128 Address, int Unit, int Number, bool IsManaged, int Class)
    {
        public (UInt128 Address, int Number, int Class) Place => (Address, Number, Class);
    }
}
