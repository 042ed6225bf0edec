using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Iptables.Lowering;

/// <summary>
/// The peer classes as packet marks number them. Classes that lead to the same rows everywhere are one, and an address that a unit of this
/// host owns is apart from others of its class, because the unit's traffic with itself has a rule of its own.
/// </summary>
/// <remarks>
/// The host's own addresses are not apart as long as they are few: a set asks for each length of prefix that it has, so that one address more
/// costs every packet a look-up, and only what the host sends to itself by other ways than the loopback interface would need it.
/// </remarks>
internal sealed class AddressClasses
{
    // Each is a rule that packets of the host pass.
    private const int MostHostAddresses = 4;

    private readonly Dictionary<(int Rows, int Unit), int> _ids = [];
    private readonly int[] _rowsOf;
    private readonly ImmutableArray<ClassPrefix>[] _hostAddresses;
    private readonly HashSet<int> _units;

    /// <summary>Numbers the classes of a policy.</summary>
    /// <param name="policy">The policy.</param>
    public AddressClasses(CompiledPolicy policy)
    {
        _units = [.. policy.Units.Select(unit => unit.Number)];
        _rowsOf = RowsOf(policy);
        _hostAddresses = [.. Family.Both.Select(family => OfHost(Peers(policy, family.IsIPv6), family.AddressBits))];
        var seen = new Dictionary<(int Rows, int Unit), int>();
        foreach ((int peerClass, int unit) in Family.Both.SelectMany(family => Peers(policy, family.IsIPv6).Select(one => (one.Class, UnitOf(one.Unit, family.IsIPv6)))))
        {
            seen.TryAdd((_rowsOf[peerClass], unit), peerClass);
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

    /// <summary>The host's own addresses where those are no classes of their own: the host's judge has to ask for them before it looks up any.</summary>
    /// <param name="isIPv6">Of which family.</param>
    public ImmutableArray<ClassPrefix> HostAddresses(bool isIPv6) => _hostAddresses[isIPv6 ? 1 : 0];

    /// <summary>The ranges of both families, by number.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="isIPv6">The family.</param>
    public IEnumerable<ClassRange> Ranges(CompiledPolicy policy, bool isIPv6) =>
        Peers(policy, isIPv6).Select(range => new ClassRange(range.First, _ids[(_rowsOf[range.Class], UnitOf(range.Unit, isIPv6))]));

    private int UnitOf(int unit, bool isIPv6) => (unit != LocalUnit.HostNumber || HostAddresses(isIPv6).IsEmpty) && _units.Contains(unit) ? unit : 0;

    private static IEnumerable<PeerRange<UInt128>> Peers(CompiledPolicy policy, bool isIPv6) =>
        isIPv6 ? policy.Peers.IPv6 : policy.Peers.IPv4.Select(range => new PeerRange<UInt128>(range.First, range.Class, range.Unit));

    private static ImmutableArray<ClassPrefix> OfHost(IEnumerable<PeerRange<UInt128>> ranges, int bits)
    {
        UInt128 end = bits == 128 ? UInt128.MaxValue : UInt128.One << bits;
        ImmutableArray<PeerRange<UInt128>> all = [.. ranges];
        var found = ImmutableArray.CreateBuilder<ClassPrefix>();
        for (int i = 0; i < all.Length; i++)
        {
            UInt128 next = i + 1 < all.Length ? all[i + 1].First : end;
            for (UInt128 address = all[i].First; all[i].Unit == LocalUnit.HostNumber && address < next; address++)
            {
                found.Add(new ClassPrefix(address, bits, Id: 0));
                if (found.Count > MostHostAddresses)
                {
                    return [];
                }
            }
        }

        return found.ToImmutable();
    }

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
