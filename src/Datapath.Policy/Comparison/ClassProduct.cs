using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;

namespace Datapath.Policy.Comparison;

/// <summary>Peers that neither policy tells apart.</summary>
/// <param name="ClassBefore">Their class in the first policy.</param>
/// <param name="UnitBefore">The unit that owns them there, or 0.</param>
/// <param name="ClassAfter">Their class in the second policy.</param>
/// <param name="UnitAfter">The unit that owns them there, or 0.</param>
internal readonly record struct PeerPair(ushort ClassBefore, ushort UnitBefore, ushort ClassAfter, ushort UnitAfter);

/// <summary>Addresses and ports cut where either of two policies cuts them.</summary>
internal sealed class ClassProduct
{
    private readonly Dictionary<PeerPair, int> _peerNumbers = [];
    private readonly Dictionary<(ushort Before, ushort After), int> _portNumbers = [];
    private readonly List<(PeerPair Pair, List<AddressSpan> Spans)> _peers = [];
    private readonly List<(ushort Before, ushort After, List<PortSpan> Spans)> _ports = [];

    public ClassProduct(CompiledPolicy before, CompiledPolicy after)
    {
        CutPeers(PeerSegment.Of(before.Peers), PeerSegment.Of(after.Peers));
        CutPorts(PortSegment.Of(before.Ports), PortSegment.Of(after.Ports));
        HasEqualPorts = _ports.TrueForAll(pair => pair.Before == pair.After);
    }

    /// <summary>The distinct pairs of peer classes with their addresses, by lowest address.</summary>
    public IReadOnlyList<(PeerPair Pair, List<AddressSpan> Spans)> Peers => _peers;

    /// <summary>Whether both policies cut the ports alike, so that a port class of one is the same port class of the other.</summary>
    public bool HasEqualPorts { get; }

    /// <summary>The distinct pairs of port classes with their keys, by table and lowest key.</summary>
    public IReadOnlyList<(ushort Before, ushort After, List<PortSpan> Spans)> Ports => _ports;

    private void CutPeers(ImmutableArray<PeerSegment> before, ImmutableArray<PeerSegment> after)
    {
        int i = 0;
        int j = 0;
        while (i < before.Length)
        {
            // Both cover both families without gaps, so the two heads always overlap.
            AddressSpan left = before[i].Span;
            AddressSpan right = after[j].Span;
            UInt128 last = UInt128.Min(left.Last, right.Last);
            var pair = new PeerPair(before[i].Class, before[i].Unit, after[j].Class, after[j].Unit);
            if (!_peerNumbers.TryGetValue(pair, out int number))
            {
                _peerNumbers.Add(pair, number = _peers.Count);
                _peers.Add((pair, []));
            }
            _peers[number].Spans.Add(new AddressSpan(left.IsIPv6, UInt128.Max(left.First, right.First), last));
            i += left.Last == last ? 1 : 0;
            j += right.Last == last ? 1 : 0;
        }
    }

    private void CutPorts(ImmutableArray<PortSegment> before, ImmutableArray<PortSegment> after)
    {
        int i = 0;
        int j = 0;
        while (i < before.Length)
        {
            PortSpan left = before[i].Span;
            PortSpan right = after[j].Span;
            ushort last = Math.Min(left.Last, right.Last);
            (ushort, ushort) pair = (before[i].Class, after[j].Class);
            if (!_portNumbers.TryGetValue(pair, out int number))
            {
                _portNumbers.Add(pair, number = _ports.Count);
                _ports.Add((pair.Item1, pair.Item2, []));
            }
            _ports[number].Spans.Add(new PortSpan(left.Table, Math.Max(left.First, right.First), last));
            i += left.Last == last ? 1 : 0;
            j += right.Last == last ? 1 : 0;
        }
    }
}
