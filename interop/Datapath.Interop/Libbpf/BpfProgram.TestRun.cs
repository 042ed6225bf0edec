using Datapath.Interop.Libc;

namespace Datapath.Interop.Libbpf;

/// <content>Running without a device.</content>
public sealed unsafe partial class BpfProgram
{
    private const uint LiveFrames = 1 << 1;

    // A program may grow a packet; the kernel copies no more out than there is room.
    private const int GrowthBytes = 512;

    /// <summary>
    /// Runs a program of the type XDP on frames that are then real (BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18): what it redirects is sent, with whatever
    /// that leads to on this processor.
    /// </summary>
    /// <param name="frame">From the Ethernet header on.</param>
    /// <param name="repeat">How many; at least 1.</param>
    /// <returns>Nanoseconds for each, on average.</returns>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public uint RunLive(ReadOnlySpan<byte> frame, int repeat)
    {
        using FileDescriptor.Lease fd = Descriptor.Borrow();
        fixed (byte* dataIn = frame)
        {
            var options = new bpf_test_run_opts { sz = (nuint)sizeof(bpf_test_run_opts), data_in = dataIn, data_size_in = (uint)frame.Length, repeat = repeat, flags = LiveFrames };
            KernelException.Check(LibbpfApi.bpf_prog_test_run_opts(fd.Number, &options), "run program on live frames", Name);
            return options.duration;
        }
    }

    /// <summary>Runs the program on a packet (BPF_PROG_TEST_RUN). The device it sees is the loopback of this namespace.</summary>
    /// <param name="packet">At least an Ethernet header (14 bytes) for tc and XDP programs.</param>
    /// <param name="context">A <c>struct __sk_buff</c> or <c>xdp_md</c>; empty for none. Fields the kernel does not take must be zero.</param>
    /// <param name="repeat">At least 1; the duration is the average.</param>
    /// <exception cref="KernelException">The kernel refused; EINVAL for a packet or context it does not take.</exception>
    public TestRun TestRun(ReadOnlySpan<byte> packet, ReadOnlySpan<byte> context = default, int repeat = 1)
    {
        var packetAfter = new byte[packet.Length + GrowthBytes];
        var contextAfter = new byte[context.Length];
        using FileDescriptor.Lease fd = Descriptor.Borrow();
        fixed (byte* dataIn = packet, dataOut = packetAfter, contextIn = context, contextOut = contextAfter)
        {
            var options = new bpf_test_run_opts
            {
                sz = (nuint)sizeof(bpf_test_run_opts),
                data_in = dataIn,
                data_size_in = (uint)packet.Length,
                data_out = dataOut,
                data_size_out = (uint)packetAfter.Length,
                ctx_in = contextIn,
                ctx_size_in = (uint)context.Length,
                ctx_out = contextOut,
                ctx_size_out = (uint)contextAfter.Length,
                repeat = repeat,
            };
            KernelException.Check(LibbpfApi.bpf_prog_test_run_opts(fd.Number, &options), "test-run program", Name);
            return new TestRun(options.retval, packetAfter[..(int)options.data_size_out], contextAfter, options.duration);
        }
    }
}
