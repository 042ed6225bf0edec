using System.Collections.Immutable;
using System.Net;
using System.Runtime.InteropServices;
using Datapath.Backends.Host;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;
using Datapath.Policy.Compilation;
using Datapath.Policy.Rulesets;

namespace Datapath.Backends.Ebpf;

/// <summary>Reads the tables of flows as connections: <c>struct dp_flow</c> and its keys in bpf/include/dp_abi.h, the other way round.</summary>
/// <param name="loaded">The loaded object.</param>
/// <param name="clock">The clock of its entries.</param>
/// <param name="timeouts">Its timeouts: an entry that is over is no connection, whether or not it was taken away yet.</param>
/// <param name="owners">Whose addresses are whose; null before a policy was applied.</param>
internal sealed class ConnectionReader(BpfObject loaded, JiffiesClock clock, FlowTimeouts timeouts, AddressOwners? owners)
{
    private const int Batch = 4096;

    private readonly ulong _now = clock.Now();
    private readonly ulong _jiffiesPerSecond = (ulong)KernelClock.JiffiesPerSecond();
    private readonly ImmutableArray<LiveConnection>.Builder _found = ImmutableArray.CreateBuilder<LiveConnection>();
    private long _total;

    /// <summary>Reads all tables.</summary>
    /// <param name="unit">Number of the unit whose connections are wanted; null for all.</param>
    /// <param name="most">How many are wanted at most; the others are counted.</param>
    public LiveConnections Read(int? unit, int most)
    {
        foreach (MapName<DpFlowKey4, DpFlow> table in (MapName<DpFlowKey4, DpFlow>[])[DpMaps.LiveTcp4, DpMaps.LiveOther4, DpMaps.NewTcp4, DpMaps.NewOther4])
        {
            Walk(table, (key, flow) => Take(Key(key), flow));
        }

        foreach (MapName<DpFlowKey6, DpFlow> table in (MapName<DpFlowKey6, DpFlow>[])[DpMaps.LiveTcp6, DpMaps.LiveOther6, DpMaps.NewTcp6, DpMaps.NewOther6])
        {
            Walk(table, (key, flow) => Take(Key(key), flow));
        }

        return new LiveConnections(_found.ToImmutable(), _total);

        void Take(FlowKey key, DpFlow flow)
        {
            if ((unit is null || unit == key.Unit) && IsLive(key.Protocol, flow))
            {
                _total++;
                if (_found.Count < most)
                {
                    _found.Add(Connection(key, flow));
                }
            }
        }
    }

    private void Walk<TKey>(MapName<TKey, DpFlow> table, Action<TKey, DpFlow> take)
        where TKey : unmanaged
    {
        var walk = new BpfMapWalk<TKey, DpFlow>(loaded.Map(table).Map, Batch);
        do
        {
            foreach ((TKey key, DpFlow flow) in walk.Next())
            {
                take(key, flow);
            }
        } while (!walk.IsAtStart);
    }

    private bool IsLive(byte protocol, DpFlow flow) =>
        flow.State != (byte)DpFlowState.Closed
        && (_now <= flow.SeenJiffies || _now - flow.SeenJiffies <= timeouts.Seconds(protocol, flow.State) * _jiffiesPerSecond);

    private LiveConnection Connection(FlowKey key, DpFlow flow)
    {
        Direction direction = flow.Direction == (byte)DpDirection.Incoming ? Direction.Incoming : Direction.Outgoing;
        bool isLowOpener = IsLowOpener(key, flow, direction);
        return new LiveConnection(
            key.Unit,
            direction,
            key.Protocol,
            isLowOpener ? key.Low : key.High,
            isLowOpener ? key.High : key.Low,
            (DpFlowState)flow.State switch
            {
                DpFlowState.Opening or DpFlowState.SynReceived => LiveConnectionState.Opening,
                DpFlowState.Established => LiveConnectionState.Established,
                _ => LiveConnectionState.Closing,
            },
            flow.RuleIndex == Abi.RuleUnknown ? null : (int)flow.RuleIndex
        )
        {
            Idle = _now > flow.SeenJiffies ? TimeSpan.FromSeconds((_now - flow.SeenJiffies) / _jiffiesPerSecond) : TimeSpan.Zero,
        };
    }

    // The key is the same for both directions. The port that was called tells who answers, unless both ends have it, as an echo's identifier.
    private bool IsLowOpener(FlowKey key, DpFlow flow, Direction direction)
    {
        if (key.Protocol is IanaProtocol.Tcp or IanaProtocol.Udp && key.Low.Port != key.High.Port)
        {
            return key.High.Port == flow.OpenerKey;
        }

        // A unit by cgroup has the host's addresses.
        bool isLowUnit = owners is not null && (owners.PodOf(key.Low.Address) == key.Unit || (owners.PodOf(key.High.Address) != key.Unit && owners.IsHosts(key.Low.Address)));
        return isLowUnit == (direction == Direction.Outgoing);
    }

    private static FlowKey Key(DpFlowKey4 key) =>
        new(key.Zone, key.Protocol, End([key.LowAddressBigEndian], key.LowPortBigEndian), End([key.HighAddressBigEndian], key.HighPortBigEndian));

    private static FlowKey Key(DpFlowKey6 key) =>
        new(key.Zone, key.Protocol, End(key.LowAddressBigEndian, key.LowPortBigEndian), End(key.HighAddressBigEndian, key.HighPortBigEndian));

    private static IPEndPoint End(ReadOnlySpan<uint> address, ushort port) =>
        new(new IPAddress(MemoryMarshal.AsBytes(address)), (ushort)IPAddress.NetworkToHostOrder((short)port));

    private readonly record struct FlowKey(int Unit, byte Protocol, IPEndPoint Low, IPEndPoint High);
}
