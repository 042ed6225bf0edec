using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Sampling;

/// <summary>
/// Draws connections where the tables of a policy have their edges, and has the evaluator judge them by what was written: whoever walks the
/// tables afterwards learns whether they say the same.
/// </summary>
public sealed class PolicySample
{
    // IPv6 extension headers: as the protocol of a packet they lead on to another one.
    private static readonly ImmutableArray<int> NotTheLastHeader = [0, 43, 44, 50, 51, 60, 135, 139, 140];

    // Errors quote the packet that they are about; these packets quote none.
    private static readonly ImmutableArray<int> IcmpErrors = [3, 4, 5, 11, 12];
    private const int FirstIcmp6Query = 128;

    private readonly CompiledPolicy _compiled;
    private readonly PolicyEvaluator _evaluator;
    private readonly ImmutableArray<LocalUnit> _units;
    private readonly ILookup<RuleIdentity, int> _indexes;
    private readonly Func<int, int> _draw;

    /// <summary>Prepares to draw.</summary>
    /// <param name="compiled">The tables.</param>
    /// <param name="written">What they were compiled of.</param>
    /// <param name="inventory">The host that they were compiled for.</param>
    /// <param name="options">What decided their meaning besides.</param>
    /// <param name="draw">Gives a number from 0 to below its argument; which, decides what is drawn.</param>
    public PolicySample(CompiledPolicy compiled, WrittenPolicy written, HostInventory inventory, PolicyOptions options, Func<int, int> draw)
    {
        ArgumentNullException.ThrowIfNull(compiled);
        _compiled = compiled;
        _evaluator = new PolicyEvaluator(written, inventory, options);
        // The evaluator knows units by their names, and of several with one name the first.
        _units = [.. compiled.Units.GroupBy(unit => (unit.Namespace, unit.Name)).Where(group => group.Count() == 1).Select(group => group.First())];
        _indexes = compiled.Rules.ToLookup(rule => rule.Rule, rule => rule.Index);
        _draw = draw;
    }

    /// <summary>Draws connections without end; each is judged when it is asked for, which takes the longer the more rules there are.</summary>
    /// <returns>None when there is no unit to ask about.</returns>
    public IEnumerable<SampledJudgement> Draw()
    {
        while (!_units.IsEmpty)
        {
            LocalUnit unit = _units[_draw(_units.Length)];
            bool ip6 = _draw(3) == 0;
            (AddressKey peer, int owner) = ip6 ? Peer6() : Peer4();
            (PortTable table, ushort key) = Port(ip6);
            if (owner == unit.Number || IsEmbedded(peer) || !IsPlain(table, key))
            {
                continue;
            }

            Direction direction = _draw(2) == 0 ? Direction.Incoming : Direction.Outgoing;
            UnitName? name = unit.Number == LocalUnit.HostNumber ? null : new UnitName(unit.Namespace, unit.Name);
            Judgement said = _evaluator.Judge(new Question(name, direction, peer, table, key));
            if (_indexes[said.Rule].ToList() is [var index])
            {
                yield return new SampledJudgement(unit.Number, direction, peer, table, key, said.Verdict, index);
            }
        }
    }

    private static bool IsEmbedded(AddressKey peer) => peer.IsIPv6 && peer.Value >> 32 == 0xffff;

    private static bool IsPlain(PortTable table, ushort key) =>
        table switch
        {
            PortTable.Icmp => !IcmpErrors.Contains(key >> 8),
            PortTable.Icmp6 or PortTable.Icmp6OnLink => key >> 8 >= FirstIcmp6Query,
            PortTable.Other => CompiledPolicyReader.TableOf(key, isOnLink: false) == PortTable.Other && !NotTheLastHeader.Contains(key),
            _ => true,
        };

    private (AddressKey Peer, int Owner) Peer4()
    {
        PeerRanges<uint> ranges = _compiled.Peers.IPv4;
        int drawn = _draw(ranges.Count);
        uint last = ranges.LastOf(drawn);
        uint first = ranges[drawn].First;
        uint value = _draw(3) switch
        {
            0 => first,
            1 => last,
            _ => first + (uint)_draw((int)Math.Min(last - first, int.MaxValue - 1) + 1),
        };
        return (new AddressKey(false, value), ranges[drawn].Unit);
    }

    private (AddressKey Peer, int Owner) Peer6()
    {
        PeerRanges<UInt128> ranges = _compiled.Peers.IPv6;
        int drawn = _draw(ranges.Count);
        UInt128 last = ranges.LastOf(drawn);
        UInt128 value = _draw(2) == 0 ? ranges[drawn].First : last;
        return (new AddressKey(true, value), ranges[drawn].Unit);
    }

    private (PortTable Table, ushort Key) Port(bool ip6)
    {
        PortTable table = _draw(5) switch
        {
            0 or 1 => PortTable.Tcp,
            2 => PortTable.Udp,
            3 => PortTable.Other,
            _ => ip6 ? (_draw(2) == 0 ? PortTable.Icmp6 : PortTable.Icmp6OnLink) : PortTable.Icmp,
        };
        ImmutableArray<PortRun> runs = _compiled.Ports.Tables[(int)table];
        int drawn = _draw(runs.Length);
        int last = drawn + 1 < runs.Length ? runs[drawn + 1].First - 1 : PortSpan.LastKey(table);
        return (table, (ushort)(_draw(2) == 0 ? runs[drawn].First : last));
    }
}
