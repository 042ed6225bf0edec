using Datapath.Interop;
using Datapath.Interop.Libbpf;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Interop;

/// <summary>Opening, adjusting and loading, and what a refusal says.</summary>
public sealed class BpfObjectTests
{
    [KernelFact]
    public void Knobs_have_their_defaults_and_reach_the_program()
    {
        using BpfObject opened = TestObject.Open();
        Assert.Equal(7ul, opened.Knob<ulong>("first_knob"));
        Assert.Equal(3u, opened.Knob<uint>("knob"));
        opened.SetKnob("knob", 1000u);
        opened.Load();
        uint seen = 0;
        using var ring = new RingBuffer(opened.Map("dp_it_events"), record => seen = BitConverter.ToUInt32(record[4..]));
        opened.Program("dp_it_count").TestRun(new byte[64]);
        Assert.Equal(1, ring.Consume());
        Assert.Equal(1007u, seen);
    }

    [KernelFact]
    public void A_knob_that_is_not_there_or_has_another_size_is_a_bug()
    {
        using BpfObject opened = TestObject.Open();
        Assert.Contains("no knob nothing", Assert.Throws<InvalidOperationException>(() => opened.SetKnob("nothing", 1u)).Message, StringComparison.Ordinal);
        Assert.Contains("4 bytes", Assert.Throws<InvalidOperationException>(() => opened.SetKnob("knob", 1ul)).Message, StringComparison.Ordinal);
    }

    [KernelFact]
    public void What_the_verifier_refuses_comes_with_the_end_of_its_log()
    {
        using BpfObject opened = TestObject.Open();
        opened.SetAutoload("dp_it_refused", true);
        VerifierException refusal = Assert.Throws<VerifierException>(opened.Load);
        Assert.Equal("dp_it/dp_it_refused", refusal.Subject);
        Assert.Equal("EACCES", refusal.Symbol);
        Assert.Contains("R0 invalid mem access 'map_value_or_null'", refusal.Message, StringComparison.Ordinal);
        Assert.InRange(refusal.Message.Split('\n').Length, 2, VerifierException.KeptLines + 1);
    }

    [KernelFact]
    public void What_is_no_object_file_is_refused_with_libbpfs_reason()
    {
        KernelException refusal = Assert.Throws<KernelException>(() => BpfObject.Open("no object"u8, "dp_no"));
        Assert.Contains("cannot open object dp_no", refusal.Message, StringComparison.Ordinal);
    }

    [KernelFact]
    public void A_larger_map_is_as_large_as_asked_for()
    {
        using BpfObject opened = TestObject.Open();
        opened.SetMaxEntries("dp_it_flows", 128);
        opened.Load();
        Assert.Equal(128u, opened.Map("dp_it_flows").MaxEntries);
        Assert.Throws<InvalidOperationException>(() => opened.SetMaxEntries("dp_it_flows", 1));
    }

    [KernelFact]
    public void An_object_can_be_loaded_onto_the_maps_of_another()
    {
        using BpfObject first = TestObject.Load();
        using BpfObject second = TestObject.Open();
        second.Reuse("dp_it_counts", first.Map("dp_it_counts"));
        second.Load();
        Assert.Equal(first.Map("dp_it_counts").Id, second.Map("dp_it_counts").Id);
        second.Program("dp_it_count").TestRun(new byte[64]);
        Assert.Equal(1u, (uint)first.Map("dp_it_counts").LookupPerCpu<uint, uint>(0)!.Sum(count => count));
    }

    [KernelFact]
    public void Program_and_maps_outlive_the_object_that_loaded_them_by_their_own_descriptors()
    {
        BpfProgram program;
        using (BpfObject loaded = TestObject.Load())
        {
            program = BpfProgram.OpenById(loaded.Program("dp_it_copy").Id);
        }

        using (program)
        {
            Assert.Equal(42u, program.TestRun(new byte[64]).ReturnValue);
            Assert.Contains(KernelObjects.Programs(), found => found.Id == program.Id && found.Tag == program.Tag && found.Name == "dp_it_copy");
            // The arena, the flows, and the knobs that libbpf binds to every program.
            Assert.Equal(3, program.Describe().MapIds.Length);
        }
    }

    [KernelFact]
    public void A_context_reaches_the_program_and_comes_back()
    {
        using BpfObject loaded = TestObject.Load();
        var context = new byte[192]; // struct __sk_buff
        context[8] = 5; // mark
        TestRun run = loaded.Program("dp_it_copy").TestRun(new byte[64], context, repeat: 3);
        Assert.Equal(5, run.Context[8]);
        Assert.Equal([5ul | 443ul << 32], loaded.Map("dp_it_flows").Keys<ulong>());
    }
}
