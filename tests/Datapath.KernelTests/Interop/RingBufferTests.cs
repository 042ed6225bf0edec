using Datapath.Interop.Libbpf;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Interop;

/// <summary>Records from programs.</summary>
public sealed class RingBufferTests
{
    [KernelFact]
    public void Records_without_wake_up_are_consumed_in_order()
    {
        using BpfObject loaded = TestObject.Load();
        var lengths = new List<uint>();
        using var ring = new RingBuffer(loaded.Map("dp_it_events"), record => lengths.Add(BitConverter.ToUInt32(record)));
        Assert.Equal(0, ring.Consume());
        loaded.Program("dp_it_count").TestRun(new byte[64]);
        loaded.Program("dp_it_count").TestRun(new byte[80]);
        Assert.Equal(2, ring.Consume());
        Assert.Equal([64u, 80u], lengths);
    }

    [KernelFact]
    public void What_the_handler_throws_comes_out_of_consume_and_the_ring_goes_on()
    {
        using BpfObject loaded = TestObject.Load();
        int seen = 0;
        using var ring = new RingBuffer(
            loaded.Map("dp_it_events"),
            _ => throw (seen++ == 0 ? new InvalidDataException("first") : new InvalidDataException("second")));
        loaded.Program("dp_it_count").TestRun(new byte[64]);
        loaded.Program("dp_it_count").TestRun(new byte[64]);
        Assert.Equal("first", Assert.Throws<InvalidDataException>(() => ring.Consume()).Message);
        Assert.Equal("second", Assert.Throws<InvalidDataException>(() => ring.Consume()).Message);
        Assert.Equal(0, ring.Consume());
    }

    [KernelFact]
    public void Waiting_ends_when_the_time_is_over()
    {
        using BpfObject loaded = TestObject.Load();
        using var ring = new RingBuffer(loaded.Map("dp_it_events"), _ => { });
        Assert.Equal(0, ring.Poll(TimeSpan.FromMilliseconds(20)));
    }
}
