using System.Collections.Immutable;
using System.Globalization;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;

namespace Datapath.Policy.Comparison;

/// <summary>Finds what changes for one unit after another; rows that were compared once are not compared again.</summary>
internal sealed class UnitComparison(ComparedPolicy before, ComparedPolicy after, ClassProduct product)
{
    private readonly Dictionary<(int Before, int After), RowChange[]> _rows = [];
    private readonly Dictionary<string, ImmutableArray<PortSpan>> _portSets = [];
    private readonly Dictionary<(int? Before, int? After, Direction Direction), List<int>> _changedPeers = [];
    private readonly ILookup<int, int> _ownBefore = Owned(product, pair => pair.UnitBefore);
    private readonly ILookup<int, int> _ownAfter = Owned(product, pair => pair.UnitAfter);

    /// <summary>Everything that changes for a unit; empty when nothing does.</summary>
    /// <param name="unit">A unit of either policy or both.</param>
    public ImmutableArray<VerdictChange> Changes(UnitKey unit) =>
        [.. Changes(unit, Direction.Incoming), .. Changes(unit, Direction.Outgoing)];

    private IEnumerable<VerdictChange> Changes(UnitKey unit, Direction direction)
    {
        LocalUnit? old = before.Units.GetValueOrDefault(unit);
        LocalUnit? young = after.Units.GetValueOrDefault(unit);
        var peers = new OrderedDictionary<RowChange, List<AddressSpan>>();
        var own = new List<AddressSpan>();
        foreach (int number in PeersToCompare(old, young, direction))
        {
            (PeerPair pair, List<AddressSpan> spans) = product.Peers[number];
            int oldRow = before.Row(old, direction, pair.ClassBefore, pair.UnitBefore);
            int youngRow = after.Row(young, direction, pair.ClassAfter, pair.UnitAfter);
            if (oldRow == ComparedPolicy.Local && youngRow == ComparedPolicy.Local)
            {
                own.AddRange(spans);
                continue;
            }
            foreach (RowChange change in Compare(oldRow, youngRow))
            {
                if (!peers.TryGetValue(change, out List<AddressSpan>? list))
                {
                    peers.Add(change, list = []);
                }
                list.AddRange(spans);
            }
        }
        return peers
            .GroupBy(one => (one.Key.Before, one.Key.RuleBefore, one.Key.RuleAfter))
            .Select(group => new VerdictChange(
                direction,
                group.Key.Before,
                before.Rule(group.Key.RuleBefore),
                group.Key.Before == Verdict.Allow ? Verdict.Reject : Verdict.Allow,
                after.Rule(group.Key.RuleAfter),
                [.. group.Select(one => new FlowSet(Filled(one.Value, own), _portSets[one.Key.Ports]))]
            ));
    }

    /// <summary>The peers whose verdicts change for units of these two policies, and the unit's own, ascending: of a large policy few.</summary>
    private IEnumerable<int> PeersToCompare(LocalUnit? old, LocalUnit? young, Direction direction)
    {
        var key = (old?.Policy, young?.Policy, direction);
        if (!_changedPeers.TryGetValue(key, out List<int>? changed))
        {
            changed = [];
            for (int number = 0; number < product.Peers.Count; number++)
            {
                // As for a unit that owns none of them: for the one that does, its own peers are looked at besides.
                PeerPair pair = product.Peers[number].Pair;
                int oldRow = before.Row(old, direction, pair.ClassBefore, ComparedPolicy.Nobody);
                int youngRow = after.Row(young, direction, pair.ClassAfter, ComparedPolicy.Nobody);
                if (Compare(oldRow, youngRow).Length > 0)
                {
                    changed.Add(number);
                }
            }
            _changedPeers.Add(key, changed);
        }
        IEnumerable<int> own = (old is null ? [] : _ownBefore[old.Number]).Concat(young is null ? [] : _ownAfter[young.Number]);
        return changed.Concat(own).Distinct().Order();
    }

    private static ILookup<int, int> Owned(ClassProduct product, Func<PeerPair, ushort> owner) =>
        Enumerable
            .Range(0, product.Peers.Count)
            .Where(number => owner(product.Peers[number].Pair) != 0)
            .ToLookup(number => (int)owner(product.Peers[number].Pair));

    /// <summary>Whether two rows say the same of every port, seen without looking at every port; false also when that cannot be seen so.</summary>
    private bool AreSurelyAlike(int oldRow, int youngRow)
    {
        if (!product.HasEqualPorts || before.Runs(oldRow) is not { } left || after.Runs(youngRow) is not { } right)
        {
            return oldRow == youngRow && oldRow < 0;
        }
        for (int i = 0, j = 0; i < left.Length && j < right.Length;)
        {
            if (before.VerdictOf(left[i].Cell) != after.VerdictOf(right[j].Cell))
            {
                return false;
            }
            int leftEnd = i + 1 < left.Length ? left[i + 1].First : int.MaxValue;
            int rightEnd = j + 1 < right.Length ? right[j + 1].First : int.MaxValue;
            i += leftEnd <= rightEnd ? 1 : 0;
            j += rightEnd <= leftEnd ? 1 : 0;
        }
        return true;
    }

    /// <summary>What changes between two rows: for each pair of rules the ports.</summary>
    private RowChange[] Compare(int oldRow, int youngRow)
    {
        if (_rows.TryGetValue((oldRow, youngRow), out RowChange[]? known))
        {
            return known;
        }
        if (AreSurelyAlike(oldRow, youngRow))
        {
            _rows.Add((oldRow, youngRow), []);
            return [];
        }
        var ports = new OrderedDictionary<(Verdict Before, int RuleBefore, int RuleAfter), List<int>>();
        for (int i = 0; i < product.Ports.Count; i++)
        {
            (Verdict oldVerdict, int oldRule) = before.Decide(oldRow, product.Ports[i].Before);
            (Verdict youngVerdict, int youngRule) = after.Decide(youngRow, product.Ports[i].After);
            if (oldVerdict == youngVerdict)
            {
                continue;
            }
            if (!ports.TryGetValue((oldVerdict, oldRule, youngRule), out List<int>? list))
            {
                ports.Add((oldVerdict, oldRule, youngRule), list = []);
            }
            list.Add(i);
        }
        RowChange[] changes = [.. ports.Select(one => new RowChange(one.Key.Before, one.Key.RuleBefore, one.Key.RuleAfter, PortSet(one.Value)))];
        _rows.Add((oldRow, youngRow), changes);
        return changes;
    }

    private string PortSet(List<int> numbers)
    {
        string name = string.Join(' ', numbers.Select(number => number.ToString(CultureInfo.InvariantCulture)));
        _portSets.TryAdd(name, PortSpan.Join(numbers.SelectMany(number => product.Ports[number].Spans)));
        return name;
    }

    /// <summary>A set of peers with the unit's own addresses where they stand between two of its runs, so that "everybody" stays one word.</summary>
    private static ImmutableArray<AddressSpan> Filled(List<AddressSpan> peers, List<AddressSpan> own)
    {
        ImmutableArray<AddressSpan> joined = AddressSpan.Join(peers);
        if (own.Count == 0)
        {
            return joined;
        }
        HashSet<AddressKey> firsts = [.. joined.Select(span => new AddressKey(span.IsIPv6, span.First))];
        HashSet<AddressKey> lasts = [.. joined.Select(span => new AddressKey(span.IsIPv6, span.Last))];
        IEnumerable<AddressSpan> between = AddressSpan
            .Join(own)
            .Where(span => IsEdge(span, firsts, lasts));
        return AddressSpan.Join(joined.Concat(between));
    }

    private static bool IsEdge(AddressSpan span, HashSet<AddressKey> firsts, HashSet<AddressKey> lasts)
    {
        AddressSpan whole = AddressSpan.Whole(span.IsIPv6);
        bool joinsBelow = span.First == whole.First || lasts.Contains(new AddressKey(span.IsIPv6, span.First - 1));
        bool joinsAbove = span.Last == whole.Last || firsts.Contains(new AddressKey(span.IsIPv6, span.Last + 1));
        return joinsBelow && joinsAbove;
    }

    /// <summary>Some ports of a row that change between two rules.</summary>
    private readonly record struct RowChange(Verdict Before, int RuleBefore, int RuleAfter, string Ports);
}
