using System.Runtime.InteropServices;
using Datapath.Interop.Libbpf;
using Datapath.KernelTests.Support;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>What tells programs that a flow has no entry: it must be right, and it must not be forgotten to be taken back.</summary>
public sealed class FlowMarkTests : IDisposable
{
    private const string Friend = "10.9.1.1";
    private const string Friend6 = "2001:db8:9::1";
    private const string Host6 = "2001:db8::1";

    // Room for four flows; the collector walks a table within so many calls.
    private const int Room = 4;
    private const int Rounds = 40;

    // struct dp_mark of bpf/memory.h: words of eight bytes, the second of which counts.
    private const int WordsOfMark = 2;

    // More units of a stamp than two minutes are, and not so many that it is young again.
    private const byte LongAgo = 100;

    private readonly ProgramLab _lab = new(options => options with { MaxTcpFlows = Room });
    private readonly FlowTables _flows;

    public FlowMarkTests()
    {
        _lab.Apply(Policies.Friends);
        _flows = _lab.OpenFlows();
    }

    [KernelFact]
    public void What_is_proved_is_counted_until_it_is_collected()
    {
        Peer(1).Connects().Says(Rst);
        Assert.Equal(1, Counted);
        var answered = new FlowPeer(_lab, Friend, 40000, 53);
        Assert.True(answered.Sends());
        Assert.Equal(1, Counted);
        Assert.True(answered.Receives());
        Assert.Equal(2, Counted);
        Assert.True(_lab.Passes("up0", ingress: true, Ethernet(IPv6(Friend6, Host6, Udp, UdpHeader(40000, 53)))));
        Assert.True(_lab.Passes("up0", ingress: false, Ethernet(IPv6(Host6, Friend6, Udp, UdpHeader(53, 40000)))));
        Assert.Equal(3, Counted);
        _flows.Age(TimeSpan.FromMinutes(10));
        for (int i = 0; i < Rounds; i++)
        {
            _lab.Run(_lab.Backend.CollectFlows);
        }

        Assert.Equal("", _flows.Counts);
        Assert.Equal(0, Counted);
    }

    [KernelFact]
    public void An_agent_that_is_restarted_knows_of_the_flows_of_the_last_one()
    {
        var answered = new FlowPeer(_lab, Friend, 40000, 53);
        Assert.True(answered.Sends());
        Assert.True(answered.Receives());
        FlowPeer called = Peer(1).Connects();
        FlowPeer half = Peer(2).Calls();
        _lab.Restart();
        Assert.True(answered.Receives());
        Assert.True(called.Hears(Ack));
        Assert.True(half.Hears(Ack));
    }

    [KernelFact]
    public void Without_room_among_the_proved_a_flow_is_found_where_it_stayed()
    {
        FlowPeer[] proved = [.. Enumerable.Range(0, Room + 1).Select(i => Peer(i).Connects())];
        FlowPeer half = Peer(Room + 1).Calls();
        Assert.Equal(2, _flows.Count("dp_new_tcp4"));
        _flows.ForgetDigests();
        SilenceSlots();
        Assert.All(proved, one => Assert.True(one.Hears(Ack)));
        // Its two minutes are over, says its slot: nobody looks.
        Assert.False(half.Hears(Ack));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _flows.Dispose();
        _lab.Dispose();
    }

    private int Counted
    {
        get
        {
            using BpfMap map = _flows.OpenBeside("dp_marks");
            using MappedArray marks = map.MapMemory();
            ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(marks.Bytes);
            int counted = 0;
            for (int i = 1; i < words.Length; i += WordsOfMark)
            {
                counted += (int)(words[i] >> 48);
            }

            return counted;
        }
    }

    private FlowPeer Peer(int number) => new(_lab, Friend, (ushort)(40000 + number), 80);

    /// <summary>As if no flow of any slot had been heard of for minutes.</summary>
    private void SilenceSlots()
    {
        using BpfMap map = _flows.OpenBeside("dp_opened");
        using MappedArray stamps = map.MapMemory();
        foreach (ref byte stamp in stamps.Bytes)
        {
            stamp -= LongAgo;
        }
    }
}
