using System.Runtime.InteropServices;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Iptables.Lowering;

/// <summary>
/// The peer classes as packet marks number them. Classes that lead to the same rows everywhere are one, and an address that a unit of this
/// host owns is apart from others of its class, because the unit's traffic with itself has a rule of its own.
/// </summary>
internal sealed class AddressClasses
{
    private readonly Dictionary<(int Rows, int Unit), int> _ids = [];
    private readonly int[] _rowsOf;
    private readonly HashSet<int> _units;

    /// <summary>Numbers the classes of a policy.</summary>
    /// <param name="policy">The policy.</param>
    public AddressClasses(CompiledPolicy policy)
    {
        _units = [.. policy.Units.Select(unit => unit.Number)];
        _rowsOf = RowsOf(policy);
        var seen = new Dictionary<(int Rows, int Unit), int>();
        foreach ((ushort peerClass, ushort unit) in Owned(policy))
        {
            seen.TryAdd((_rowsOf[peerClass], UnitOf(unit)), peerClass);
        }

        // 0 is what stands in no set. The others in an order in which neighbours lead to the same rows, so that trees over them are small.
        (int, int) nowhere = (_rowsOf[0], 0);
        _ids.Add(nowhere, 0);
        Members.Add(new Member(0, 0));
        foreach (((int Rows, int Unit) key, int peerClass) in seen.Where(one => one.Key != nowhere).OrderBy(one => one.Key.Rows).ThenBy(one => one.Key.Unit))
        {
            _ids.Add(key, Members.Count);
            Members.Add(new Member(peerClass, key.Unit));
        }
    }

    /// <summary>By number, a class that stands for all that have it, and the unit that owns its addresses, or 0.</summary>
    public List<Member> Members { get; } = [];

    /// <summary>The ranges of both families, by number.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="isIPv6">The family.</param>
    public IEnumerable<ClassRange> Ranges(CompiledPolicy policy, bool isIPv6) =>
        isIPv6
            ? policy.Peers.IPv6.Select(range => new ClassRange(range.First, IdOf(range.Class, range.Unit)))
            : policy.Peers.IPv4.Select(range => new ClassRange(range.First, IdOf(range.Class, range.Unit)));

    private int IdOf(ushort peerClass, ushort unit) => _ids[(_rowsOf[peerClass], UnitOf(unit))];

    private int UnitOf(ushort unit) => _units.Contains(unit) ? unit : 0;

    private static IEnumerable<(ushort Class, ushort Unit)> Owned(CompiledPolicy policy) =>
        policy
            .Peers.IPv4.Select(range => (range.Class, range.Unit))
            .Concat(policy.Peers.IPv6.Select(range => (range.Class, range.Unit)))
            .Distinct();

    // By class, a number for the rows that it leads to in all policies and both directions; ascending in the order of those rows.
    private static int[] RowsOf(CompiledPolicy policy)
    {
        string[] rows = [.. Enumerable.Range(0, policy.Peers.ClassCount).Select(peerClass => RowsOf(policy, peerClass))];
        var numbers = rows.Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal)
            .Select((text, number) => (text, number))
            .ToDictionary(one => one.text, one => one.number, StringComparer.Ordinal);
        return [.. rows.Select(text => numbers[text])];
    }

    private static string RowsOf(CompiledPolicy policy, int peerClass)
    {
        var rows = new int[policy.Policies.Length * 2];
        for (int i = 0; i < policy.Policies.Length; i++)
        {
            rows[2 * i] = policy.Policies[i].Incoming[peerClass];
            rows[(2 * i) + 1] = policy.Policies[i].Outgoing[peerClass];
        }

        return new string(MemoryMarshal.Cast<int, char>(rows));
    }

    /// <summary>What a number stands for.</summary>
    /// <param name="Class">A peer class with the rows of all that share the number.</param>
    /// <param name="Unit">The unit of this host that owns the addresses, or 0.</param>
    internal readonly record struct Member(int Class, int Unit);
}
