using Datapath.Interop.Libc;

namespace Datapath.Interop.Libbpf;

/// <content>Running without a device.</content>
public sealed unsafe partial class BpfProgram
{
    // A program may grow a packet; the kernel copies no more out than there is room.
    private const int GrowthBytes = 512;

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
