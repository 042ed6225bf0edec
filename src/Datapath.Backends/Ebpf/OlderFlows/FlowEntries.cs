using System.Net;
using System.Runtime.InteropServices;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.OlderFlows;

/// <summary>Flows as the programs have them (<c>dp_flow_key_of</c> in bpf/lib/flow.h).</summary>
internal static class FlowEntries
{
    // The rule of what no rule of the unit let open (DP_NO_RULE in bpf/lib/judge.h).
    private const uint NoRule = 0;

    /// <summary>The one key of both directions.</summary>
    /// <param name="flow">Of IPv4.</param>
    public static DpFlowKey4 KeyOfIPv4(OlderFlow flow)
    {
        ((uint[] Address, ushort Port) low, (uint[] Address, ushort Port) high) = Sorted(flow);
        return new DpFlowKey4
        {
            LowAddressBigEndian = low.Address[0],
            HighAddressBigEndian = high.Address[0],
            LowPortBigEndian = low.Port,
            HighPortBigEndian = high.Port,
            Zone = (ushort)flow.Unit,
            Protocol = flow.Protocol,
        };
    }

    /// <summary>The one key of both directions.</summary>
    /// <param name="flow">Of IPv6.</param>
    public static DpFlowKey6 KeyOfIPv6(OlderFlow flow)
    {
        ((uint[] Address, ushort Port) low, (uint[] Address, ushort Port) high) = Sorted(flow);
        var key = new DpFlowKey6 { LowPortBigEndian = low.Port, HighPortBigEndian = high.Port, Zone = (ushort)flow.Unit, Protocol = flow.Protocol };
        low.Address.CopyTo(key.LowAddressBigEndian);
        high.Address.CopyTo(key.HighAddressBigEndian);
        return key;
    }

    /// <summary>An entry that has its opener judged by the next packet.</summary>
    /// <param name="flow">The flow.</param>
    /// <param name="now">When it was seen, in jiffies.</param>
    public static DpFlow ValueOf(OlderFlow flow, ulong now) =>
        new()
        {
            SeenJiffies = now,
            Generation = 0,
            RuleIndex = flow.IsTranslated ? NoRule : Abi.RuleUnknown,
            OpenerKey = flow.Key,
            OpenerTable = (byte)CompiledPolicyReader.TableOf(flow.Protocol, isOnLink: false),
            Direction = (byte)(flow.Direction == Direction.Incoming ? DpDirection.Incoming : DpDirection.Outgoing),
            State = (byte)flow.State,
        };

    /// <summary>By the numbers that the bytes on the wire are for this machine: any order will do that programs have as well.</summary>
    private static ((uint[] Address, ushort Port) Low, (uint[] Address, ushort Port) High) Sorted(OlderFlow flow)
    {
        (uint[] Address, ushort Port) opener = Wire(flow.Opener);
        (uint[] Address, ushort Port) answerer = Wire(flow.Answerer);
        int order = opener.Address.AsSpan().SequenceCompareTo(answerer.Address);
        return order < 0 || (order == 0 && opener.Port < answerer.Port) ? (opener, answerer) : (answerer, opener);
    }

    private static (uint[] Address, ushort Port) Wire(IPEndPoint end) =>
        (MemoryMarshal.Cast<byte, uint>(end.Address.GetAddressBytes()).ToArray(), (ushort)IPAddress.HostToNetworkOrder((short)end.Port));
}
