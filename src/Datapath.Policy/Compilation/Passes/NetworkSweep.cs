using System.Collections.Immutable;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>Cuts both address spaces into ranges of addresses that are members of the same networks.</summary>
internal sealed class NetworkSweep
{
    private readonly ImmutableArray<ImmutableArray<NetworkEntry>> _networks;
    private readonly SequenceTable _sets = new();

    private NetworkSweep(ImmutableArray<ImmutableArray<NetworkEntry>> networks)
    {
        _networks = networks;
        _sets.Intern([]);
        IPv4 = Sweep(networks, isIPv6: false);
        IPv6 = Sweep(networks, isIPv6: true);
        FirstOfSetsIPv4 = FirstOfSets(IPv4);
        FirstOfSetsIPv6 = FirstOfSets(IPv6);
    }

    /// <summary>Number of distinct sets of networks; set 0 is the empty one.</summary>
    public int SetCount => _sets.Count;

    /// <summary>Ranges of IPv4, ascending without gaps, neighbours differ.</summary>
    public ImmutableArray<SweptRange> IPv4 { get; }

    /// <summary>Ranges of IPv6, likewise.</summary>
    public ImmutableArray<SweptRange> IPv6 { get; }

    /// <summary>Where in <see cref="IPv4"/> each set stands first, ascending.</summary>
    public ImmutableArray<int> FirstOfSetsIPv4 { get; }

    /// <summary>Where in <see cref="IPv6"/> each set stands first, ascending.</summary>
    public ImmutableArray<int> FirstOfSetsIPv6 { get; }

    /// <summary>Sweeps over all networks at once: n log n in the number of their entries.</summary>
    /// <param name="networks">The entries of each network; its number is its place here.</param>
    /// <param name="known">A sweep of an earlier compilation, returned when the networks are the same; null when there is none.</param>
    public static NetworkSweep Over(ImmutableArray<ImmutableArray<NetworkEntry>> networks, NetworkSweep? known) =>
        known is not null && networks.AsSpan().SequenceEqual(known._networks.AsSpan(), SameMembers.Instance) ? known : new NetworkSweep(networks);

    /// <summary>The networks of a set, ascending.</summary>
    public ReadOnlySpan<int> Set(int number) => _sets[number];

    private ImmutableArray<int> FirstOfSets(ImmutableArray<SweptRange> ranges)
    {
        var isMet = new bool[SetCount];
        var first = ImmutableArray.CreateBuilder<int>();
        for (int i = 0; i < ranges.Length; i++)
        {
            if (!isMet[ranges[i].Set])
            {
                isMet[ranges[i].Set] = true;
                first.Add(i);
            }
        }
        return first.ToImmutable();
    }

    private ImmutableArray<SweptRange> Sweep(ImmutableArray<ImmutableArray<NetworkEntry>> networks, bool isIPv6)
    {
        var positions = new List<UInt128>();
        var changes = new List<int>();
        for (int network = 0; network < networks.Length; network++)
        {
            AddChanges(networks[network], isIPv6, network, positions, changes);
        }
        UInt128[] sorted = [.. positions];
        int[] what = [.. changes];
        Array.Sort(sorted, what);
        var ranges = ImmutableArray.CreateBuilder<SweptRange>();
        ranges.Add(new SweptRange(UInt128.Zero, 0));
        var active = new ActiveSet();
        for (int i = 0; i < sorted.Length;)
        {
            UInt128 position = sorted[i];
            for (; i < sorted.Length && sorted[i] == position; i++)
            {
                Apply(active, what[i]);
            }
            Append(ranges, new SweptRange(position, _sets.Intern(active.Numbers)));
        }
        return ranges.ToImmutable();
    }

    /// <summary>Where an address becomes a member of the network and where it ceases to be one: its longest entry decides.</summary>
    private static void AddChanges(
        ImmutableArray<NetworkEntry> entries,
        bool isIPv6,
        int network,
        List<UInt128> positions,
        List<int> changes
    )
    {
        NetworkEntry[] own =
        [
            .. entries
                .Where(entry => entry.Kind != NetworkEntryKind.HostName && entry.Network.IsIPv6 == isIPv6)
                .OrderBy(entry => entry.Network.Address)
                .ThenBy(entry => entry.Network.Length),
        ];
        var enclosing = new Stack<NetworkEntry>();
        var steps = new List<(UInt128 Position, bool IsMember)>();
        foreach (NetworkEntry entry in own)
        {
            while (enclosing.TryPeek(out NetworkEntry inner) && inner.Network.Last < entry.Network.Address)
            {
                Close(enclosing, steps);
            }
            enclosing.Push(entry);
            steps.Add((entry.Network.Address, entry.Kind == NetworkEntryKind.Network));
        }
        while (enclosing.Count > 0)
        {
            Close(enclosing, steps);
        }
        bool isMember = false;
        for (int i = 0; i < steps.Count; i++)
        {
            // Of several steps at one address the last one is the innermost.
            bool isLast = i + 1 == steps.Count || steps[i + 1].Position != steps[i].Position;
            if (isLast && steps[i].IsMember != isMember)
            {
                isMember = steps[i].IsMember;
                positions.Add(steps[i].Position);
                changes.Add((network << 1) | (isMember ? 1 : 0));
            }
        }
    }

    private static void Close(Stack<NetworkEntry> enclosing, List<(UInt128 Position, bool IsMember)> steps)
    {
        IpPrefix network = enclosing.Pop().Network;
        UInt128 last = network.Last;
        // Nothing comes after the last address of a family.
        if (last != (network.IsIPv6 ? UInt128.MaxValue : uint.MaxValue))
        {
            steps.Add((last + 1, enclosing.TryPeek(out NetworkEntry outer) && outer.Kind == NetworkEntryKind.Network));
        }
    }

    private static void Apply(ActiveSet active, int change)
    {
        if ((change & 1) != 0)
        {
            active.Enter(change >> 1);
        }
        else
        {
            active.Leave(change >> 1);
        }
    }

    private static void Append(ImmutableArray<SweptRange>.Builder ranges, SweptRange next)
    {
        if (ranges[^1].First == next.First)
        {
            ranges[^1] = next;
        }
        else if (ranges[^1].Set != next.Set)
        {
            ranges.Add(next);
        }
    }

    /// <summary>Networks with the same members, wherever in a file they now stand.</summary>
    private sealed class SameMembers : IEqualityComparer<ImmutableArray<NetworkEntry>>
    {
        public static SameMembers Instance { get; } = new();

        public bool Equals(ImmutableArray<NetworkEntry> x, ImmutableArray<NetworkEntry> y) =>
            x == y || (x.Length == y.Length && x.Zip(y).All(pair => pair.First.Kind == pair.Second.Kind && pair.First.Network == pair.Second.Network));

        public int GetHashCode(ImmutableArray<NetworkEntry> obj) => obj.Length;
    }
}

/// <summary>A run of addresses that are members of the same networks.</summary>
/// <param name="First">The first address, in host byte order.</param>
/// <param name="Set">The set of networks.</param>
internal readonly record struct SweptRange(UInt128 First, int Set);
