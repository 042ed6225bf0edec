using System.Buffers.Binary;
using System.Collections.Immutable;
using Datapath.Interop.Libbpf;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf;

/// <summary>
/// A second copy of the program that is never attached, counts, remembers and reports nothing, and judges by the slot that it is told: it is
/// asked about connections whose answer is known before a generation is in force.
/// </summary>
/// <param name="copy">The object, loaded as <see cref="SegmentObject.LoadRehearsal"/> does; owned from here on.</param>
internal sealed class Rehearsal(BpfObject copy) : IDisposable
{
    // struct __sk_buff of linux/bpf.h.
    private const int ContextBytes = 192;
    private const int MarkOffset = 8;
    private const int ControlBufferOffset = 48;

    // TC_ACT_UNSPEC of linux/pkt_cls.h.
    private const uint Pass = uint.MaxValue;

    /// <summary>Asks about connections, and refuses a generation that answers one otherwise than expected.</summary>
    /// <param name="slot">Where the generation is.</param>
    /// <param name="canaries">The connections.</param>
    /// <exception cref="CanaryException">An answer differs.</exception>
    public void Require(int slot, ImmutableArray<Canary> canaries)
    {
        BpfProgram program = copy.Program(SegmentObject.RehearsedProgram);
        foreach (Canary one in canaries)
        {
            (Verdict verdict, int rule) = Ask(program, slot, one);
            if (verdict != one.Verdict || rule != one.RuleIndex)
            {
                throw new CanaryException(
                    $"the tables judge unit {one.Unit} {one.Direction.ToString().ToLowerInvariant()} with {one.Peer} {one.Table} {one.Key} as "
                        + $"{verdict} by rule {rule}, the policy says {one.Verdict} by rule {one.RuleIndex}"
                );
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => copy.Dispose();

    private static (Verdict Verdict, int Rule) Ask(BpfProgram program, int slot, Canary one)
    {
        var context = new byte[ContextBytes];
        Put(context, ControlBufferOffset, slot);
        Put(context, ControlBufferOffset + sizeof(int), one.Unit);
        Put(context, ControlBufferOffset + (2 * sizeof(int)), (int)one.Direction);
        TestRun run = program.TestRun(CanaryFrame.Of(one), context);
        int rule = BinaryPrimitives.ReadInt32LittleEndian(run.Context.AsSpan(MarkOffset));
        return (run.ReturnValue == Pass ? Verdict.Allow : Verdict.Reject, rule);
    }

    private static void Put(byte[] context, int offset, int value)
    {
        if (!BitConverter.TryWriteBytes(context.AsSpan(offset), value))
        {
            throw new ArgumentOutOfRangeException(nameof(offset));
        }
    }
}
