using System.Net;
using System.Runtime.InteropServices;
using Datapath.Backends.Host;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;
using Datapath.Interop.Netlink;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.OlderFlows;

/// <summary>Reads the tables of flows that programs fill, by their pins: the programs need not be loaded by whoever asks.</summary>
/// <param name="pins">Where.</param>
/// <param name="timeouts">When the programs forget a flow.</param>
/// <param name="owners">Whose addresses are whose.</param>
internal sealed class RememberedFlows(PinDirectory pins, FlowTimeouts timeouts, AddressOwners owners)
{
    private readonly uint _jiffiesPerSecond = (uint)KernelClock.JiffiesPerSecond();
    private readonly ulong _now = KernelClock.Jiffies();

    /// <summary>The flows that are not over, and of which it can be told who opened them.</summary>
    public IReadOnlyCollection<RememberedFlow> Read() =>
        [
            // Who is proved knows better.
            .. Read(DpMaps.LiveTcp4).Concat(Read(DpMaps.LiveOther4)).Concat(Read(DpMaps.NewTcp4)).Concat(Read(DpMaps.NewOther4)),
            .. Read(DpMaps.LiveTcp6).Concat(Read(DpMaps.LiveOther6)).Concat(Read(DpMaps.NewTcp6)).Concat(Read(DpMaps.NewOther6)),
        ];

    private IEnumerable<RememberedFlow> Read(MapName<DpFlowKey4, DpFlow> name) => Entries(name).Select(one => Of(one.Key, one.Value)).OfType<RememberedFlow>();

    private RememberedFlow? Of(DpFlowKey4 key, DpFlow flow) =>
        Of(key.Zone, key.Protocol, End([key.LowAddressBigEndian], key.LowPortBigEndian), End([key.HighAddressBigEndian], key.HighPortBigEndian), flow);

    private IEnumerable<RememberedFlow> Read(MapName<DpFlowKey6, DpFlow> name) => Entries(name).Select(one => Of(one.Key, one.Value)).OfType<RememberedFlow>();

    private RememberedFlow? Of(DpFlowKey6 key, DpFlow flow)
    {
        ReadOnlySpan<uint> low = key.LowAddressBigEndian;
        ReadOnlySpan<uint> high = key.HighAddressBigEndian;
        return Of(key.Zone, key.Protocol, End(low.ToArray(), key.LowPortBigEndian), End(high.ToArray(), key.HighPortBigEndian), flow);
    }

    private List<KeyValuePair<TKey, DpFlow>> Entries<TKey>(MapName<TKey, DpFlow> name)
        where TKey : unmanaged
    {
        string path = pins.Map(name.Name);
        if (!File.Exists(path))
        {
            return [];
        }

        using BpfMap map = BpfMap.OpenPinned(path);
        return map.Entries<TKey, DpFlow>();
    }

    private RememberedFlow? Of(int unit, byte protocol, IPEndPoint low, IPEndPoint high, DpFlow flow)
    {
        uint seconds = timeouts.Seconds(protocol, flow.State);
        ulong silent = _now > flow.SeenJiffies ? (_now - flow.SeenJiffies) / _jiffiesPerSecond : 0;
        // Another unit's rules let it open where the address was lent.
        if (silent > seconds || flow.RuleIndex == 0 || IsOpenedByLow(unit, low, high, flow) is not { } isLow)
        {
            return null;
        }

        (IPEndPoint opener, IPEndPoint answerer) = isLow ? (low, high) : (high, low);
        return new RememberedFlow(opener, answerer, protocol, flow.OpenerKey, StateOf((DpFlowState)flow.State), TimeSpan.FromSeconds(seconds - silent));
    }

    /// <summary>By whose the addresses are; where both are, or neither, by the port that the opener asked for. Null when nobody can tell.</summary>
    private bool? IsOpenedByLow(int unit, IPEndPoint low, IPEndPoint high, DpFlow flow)
    {
        bool isUnits = (DpDirection)flow.Direction == DpDirection.Outgoing;
        (bool isLowOwn, bool isHighOwn) = (IsOf(unit, low.Address), IsOf(unit, high.Address));
        return isLowOwn != isHighOwn ? isLowOwn == isUnits
            : low.Port != high.Port ? high.Port == flow.OpenerKey
            : null;
    }

    private bool IsOf(int unit, IPAddress address) => unit == LocalUnit.HostNumber ? owners.IsHosts(address) : owners.PodOf(address) == unit;

    private static ConntrackTcpState StateOf(DpFlowState state) =>
        state switch
        {
            DpFlowState.Opening => ConntrackTcpState.SynSent,
            DpFlowState.SynReceived => ConntrackTcpState.SynReceived,
            DpFlowState.FinWait => ConntrackTcpState.FinWait,
            DpFlowState.CloseWait => ConntrackTcpState.CloseWait,
            DpFlowState.LastAck => ConntrackTcpState.LastAck,
            DpFlowState.TimeWait => ConntrackTcpState.TimeWait,
            DpFlowState.Closed => ConntrackTcpState.Close,
            _ => ConntrackTcpState.Established,
        };

    private static IPEndPoint End(uint[] address, ushort portBigEndian) =>
        new(new IPAddress(MemoryMarshal.AsBytes<uint>(address)), (ushort)IPAddress.NetworkToHostOrder((short)portBigEndian));
}
