using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Datapath.Policy.Inventory;
using Datapath.Policy.Resolution;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>Peer classes: addresses for which the same atoms hold, and the ranges in which they lie.</summary>
internal sealed class PeerClasses
{
    private readonly PeerAtoms _atoms;
    private readonly NetworkSweep _sweep;
    private readonly SequenceTable _classes = new();
    private readonly int[] _classOfSet;
    private readonly List<int> _collected = [];

    /// <summary>Lays the addresses of units over the swept networks and numbers what can be told apart.</summary>
    /// <param name="policy">The units.</param>
    /// <param name="numbers">For each unit its local number, 0 when it is not judged here.</param>
    /// <param name="atoms">Every question that a rule asks, already asked.</param>
    /// <param name="sweep">The swept networks.</param>
    public PeerClasses(ResolvedPolicy policy, int[] numbers, PeerAtoms atoms, NetworkSweep sweep)
    {
        _atoms = atoms;
        _sweep = sweep;
        _classOfSet = new int[sweep.SetCount];
        Array.Fill(_classOfSet, -1);
        _classes.Intern([]);
        var owned = new SortedDictionary<AddressKey, Owner>();
        for (int unit = 0; unit < policy.Units.Length; unit++)
        {
            foreach (UnitAddress address in policy.Units[unit].Addresses)
            {
                // An address that two units claim is an error of resolution; the first keeps it.
                owned.TryAdd(address.Key, new Owner(address.Key.Value, unit, numbers[unit], address.IsManaged));
            }
        }
        ImmutableArray<PeerRange<UInt128>> low = Overlay(sweep.IPv4, [.. owned.Where(one => !one.Key.IsIPv6).Select(one => one.Value)], uint.MaxValue);
        ImmutableArray<PeerRange<UInt128>> high = Overlay(sweep.IPv6, [.. owned.Where(one => one.Key.IsIPv6).Select(one => one.Value)], UInt128.MaxValue);
        Map = new PeerMap(_classes.Count, [.. low.Select(range => new PeerRange<uint>((uint)range.First, range.Class, range.Unit))], high);
    }

    /// <summary>The classes by address. Meaningless when there are more than 65,536.</summary>
    public PeerMap Map { get; }

    /// <summary>Number of classes.</summary>
    public int Count => _classes.Count;

    /// <summary>The atoms that hold for the addresses of a class, ascending.</summary>
    public ReadOnlySpan<int> Atoms(int peerClass) => _classes[peerClass];

    private ImmutableArray<PeerRange<UInt128>> Overlay(ImmutableArray<SweptRange> ranges, Owner[] owned, UInt128 end)
    {
        var result = ImmutableArray.CreateBuilder<PeerRange<UInt128>>(ranges.Length + (2 * owned.Length));
        int next = 0;
        for (int i = 0; i < ranges.Length; i++)
        {
            UInt128 last = i + 1 < ranges.Length ? ranges[i + 1].First - 1 : end;
            UInt128 first = ranges[i].First;
            bool isOpen = true;
            for (; next < owned.Length && owned[next].Address <= last; next++)
            {
                if (owned[next].Address > first)
                {
                    Append(result, first, ClassOfSet(ranges[i].Set), 0);
                }
                Append(result, owned[next].Address, ClassOf(ranges[i].Set, owned[next]), owned[next].Number);
                isOpen = owned[next].Address != last;
                first = isOpen ? owned[next].Address + 1 : first;
            }
            if (isOpen)
            {
                Append(result, first, ClassOfSet(ranges[i].Set), 0);
            }
        }
        return result.ToImmutable();
    }

    private int ClassOfSet(int set)
    {
        if (_classOfSet[set] < 0)
        {
            _atoms.Collect(_sweep.Set(set), unit: -1, isManaged: false, _collected);
            _classOfSet[set] = _classes.Intern(CollectionsMarshal.AsSpan(_collected));
        }
        return _classOfSet[set];
    }

    private int ClassOf(int set, Owner owner)
    {
        _atoms.Collect(_sweep.Set(set), owner.Unit, owner.IsManaged, _collected);
        return _classes.Intern(CollectionsMarshal.AsSpan(_collected));
    }

    private static void Append(ImmutableArray<PeerRange<UInt128>>.Builder ranges, UInt128 first, int peerClass, int number)
    {
        // More classes than fit are counted here and refused by the compiler, so the cut is never used.
        var next = new PeerRange<UInt128>(first, unchecked((ushort)peerClass), (ushort)number);
        if (ranges.Count == 0 || ranges[^1].Class != next.Class || ranges[^1].Unit != next.Unit)
        {
            ranges.Add(next);
        }
    }

    private readonly record struct Owner(UInt128 Address, int Unit, int Number, bool IsManaged);
}
