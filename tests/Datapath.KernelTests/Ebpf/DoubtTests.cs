using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Ebpf;

/// <summary>
/// Datagrams of flows that nobody remembers, after the very first attachment: for two minutes what may be an answer passes as one. The time is
/// not waited for: its end is moved.
/// </summary>
public sealed class DoubtTests : IDisposable
{
    // The last field of struct dp_control in bpf/include/dp_abi.h.
    private const int DoubtUntilOffset = 56;
    private const string Friend = "10.9.1.1";

    private static readonly TimeSpan Doubt = TimeSpan.FromSeconds(120);

    private readonly ProgramLab _lab = new(options => options with { DoubtTime = Doubt });

    [KernelFact]
    public void What_may_be_an_answer_passes_and_is_of_a_flow_ever_after()
    {
        _lab.Apply(Policies.Friends);
        Assert.True(Peer(1).Receives());
        // Nobody may ask there, so that nobody may answer.
        Assert.False(new FlowPeer(_lab, Friend, 40000, 54).Receives());
        Assert.False(new FlowPeer(_lab, "10.8.1.1", 40000, 53).Receives());
        Assert.Equal(1, Passed());
        DoubtUntil = 1;
        Assert.True(Peer(1).Receives());
        Assert.True(Peer(1).Sends());
        Assert.False(Peer(2).Receives());
        Assert.Equal(1, Passed());
    }

    [KernelFact]
    public void The_flow_is_the_other_ends_and_ends_with_its_rule()
    {
        _lab.Apply(Policies.Friends);
        Assert.True(Peer(1).Receives());
        _lab.Apply(Policies.NothingIncoming);
        Assert.False(Peer(1).Receives());
        Assert.False(Peer(1).Sends());
    }

    [KernelFact]
    public void What_claims_to_be_the_hosts_own_answers_nothing()
    {
        // Out to the host's own address is allowed as to everybody's.
        _lab.Apply(Policies.Friends.Replace("entries: [", "entries: [10.0.0.0/24, ", StringComparison.Ordinal));
        Assert.False(_lab.Passes("up0", ingress: true, Packet.Ethernet(Packet.IPv4(FlowPeer.Host, FlowPeer.Host, Packet.Udp, Packet.UdpHeader(123, 50000)))));
        Assert.True(_lab.Passes("up0", ingress: true, Packet.Ethernet(Packet.IPv4("10.0.0.9", FlowPeer.Host, Packet.Udp, Packet.UdpHeader(123, 50000)))));
    }

    [KernelFact]
    public void A_connection_is_proved_or_refused_and_never_in_doubt()
    {
        _lab.Apply(Policies.Friends);
        Assert.False(Peer(1).Hears(Packet.Ack));
        Assert.Equal(0, Passed());
    }

    [KernelFact]
    public void The_time_begins_with_the_first_attachment_and_never_again()
    {
        _lab.Apply(Policies.Friends);
        ulong until = DoubtUntil;
        Assert.InRange(until, Now(), Now() + (ulong)Doubt.TotalNanoseconds);
        _lab.Restart();
        _lab.Apply(Policies.Friends);
        _lab.Apply(Policies.NothingOutgoing);
        Assert.Equal(until, DoubtUntil);
        DoubtUntil = Now() - 1;
        _lab.Run(_lab.Backend.CollectFlows);
        Assert.Equal(0ul, DoubtUntil);
        _lab.Apply(Policies.Friends);
        Assert.Equal(0ul, DoubtUntil);
        Assert.False(Peer(1).Receives());
    }

    /// <inheritdoc/>
    public void Dispose() => _lab.Dispose();

    private ulong DoubtUntil
    {
        get
        {
            using BpfMap control = BpfMap.OpenPinned(_lab.PinOf("dp_control"));
            var value = new byte[control.ValueBytes];
            Assert.True(control.TryLookup(new byte[sizeof(uint)], value));
            return BitConverter.ToUInt64(value, DoubtUntilOffset);
        }

        set
        {
            using BpfMap control = BpfMap.OpenPinned(_lab.PinOf("dp_control"));
            using MappedArray memory = control.MapMemory();
            Assert.True(BitConverter.TryWriteBytes(memory.Bytes[DoubtUntilOffset..], value));
        }
    }

    private FlowPeer Peer(int number) => new(_lab, Friend, (ushort)(40000 + number), 53);

    private long Passed() => _lab.Run(_lab.Backend.ReadCounters).Statistics["passed_in_doubt"];

    private static ulong Now() => (ulong)KernelClock.SinceBoot().TotalNanoseconds;
}
