using System.Buffers.Binary;
using Datapath.Interop.Libbpf;

namespace Datapath.Backends.Ebpf;

/// <summary>The clock that flow entries are stamped with. User space cannot read it; a program that is never attached can.</summary>
/// <param name="program"><c>dp_clock</c>.</param>
internal sealed class JiffiesClock(BpfProgram program)
{
    // An Ethernet header: less is no packet to BPF_PROG_TEST_RUN.
    private const int MinimumPacket = 14;

    // struct __sk_buff of linux/bpf.h.
    private const int ContextBytes = 192;
    private const int MarkOffset = 8;

    /// <summary>Ticks, in <see cref="Datapath.Interop.Libc.KernelClock.JiffiesPerSecond"/>; where they begin is the kernel's affair.</summary>
    public ulong Now()
    {
        TestRun run = program.TestRun(new byte[MinimumPacket], new byte[ContextBytes]);
        return ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(run.Context.AsSpan(MarkOffset)) << 32) | run.ReturnValue;
    }
}
