using System.Runtime.CompilerServices;
using Datapath.Interop.Libbpf;
using Datapath.Policy.Rulesets;

namespace Datapath.Backends.Ebpf;

/// <summary>When the programs forget a flow: read from the programs themselves, so that both sides mean the same.</summary>
internal sealed class FlowTimeouts
{
    private readonly uint[] _tcp;
    private readonly uint[] _udp;
    private readonly uint[] _icmp;
    private readonly uint[] _other;

    private FlowTimeouts(uint[] tcp, uint[] udp, uint[] icmp, uint[] other) => (_tcp, _udp, _icmp, _other) = (tcp, udp, icmp, other);

    /// <summary>Those of an object.</summary>
    /// <param name="opened">Open and not loaded.</param>
    public static FlowTimeouts Of(BpfObject opened)
    {
        TcpKnob tcp = opened.Knob<TcpKnob>("dp_tcp_timeout_seconds");
        return new FlowTimeouts(((ReadOnlySpan<uint>)tcp).ToArray(), Pair("dp_udp"), Pair("dp_icmp"), Pair("dp_other"));

        uint[] Pair(string protocol)
        {
            PairKnob knob = opened.Knob<PairKnob>(protocol + "_timeout_seconds");
            return ((ReadOnlySpan<uint>)knob).ToArray();
        }
    }

    /// <summary>Seconds of silence after which a flow is forgotten.</summary>
    /// <param name="protocol">IANA protocol number.</param>
    /// <param name="state">A value of <see cref="DpFlowState"/>.</param>
    public uint Seconds(byte protocol, byte state)
    {
        int answered = state == (byte)DpFlowState.Opening ? 0 : 1;
        return protocol switch
        {
            IanaProtocol.Tcp => state < _tcp.Length ? _tcp[state] : 0,
            IanaProtocol.Udp => _udp[answered],
            IanaProtocol.Icmp or IanaProtocol.IcmpV6 => _icmp[answered],
            _ => _other[answered],
        };
    }

    /// <summary>Seconds after which no flow that nobody proved is there any more.</summary>
    /// <param name="isTcp">Of TCP, or of any other protocol.</param>
    public uint LongestUnproved(bool isTcp) =>
        isTcp
            ? Enumerable.Range(0, _tcp.Length).Where(state => state != (int)DpFlowState.Established).Max(state => _tcp[state])
            : _udp.Concat(_icmp).Concat(_other).Max();

    /// <summary><c>__u32[DP_FLOW_STATES]</c>.</summary>
    [InlineArray((int)DpFlowState.States)]
    private struct TcpKnob
    {
        private uint _first;
    }

    /// <summary><c>__u32[2]</c>.</summary>
    [InlineArray(2)]
    private struct PairKnob
    {
        private uint _first;
    }
}
