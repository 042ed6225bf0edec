using Datapath.Interop;
using Datapath.Interop.Libbpf;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Interop;

/// <summary>Maps of a loaded object, and maps of their own.</summary>
public sealed class BpfMapTests
{
    private readonly record struct FlowKey(uint Address, ushort Port, ushort Zero);

    private readonly record struct FlowValue(ulong Packets, uint Verdict, uint Zero);

    [KernelFact]
    public void An_entry_is_written_read_and_deleted()
    {
        using BpfMap map = BpfMap.Create(BpfMapType.Hash, "dp_it_hash", 8, 16, 4);
        var key = new FlowKey(7, 443, 0);
        Assert.False(map.TryLookup(key, out FlowValue missing));
        Assert.Equal(default, missing);
        map.Update(key, new FlowValue(1, 2, 0));
        Assert.Equal(new FlowValue(1, 2, 0), map.Lookup<FlowKey, FlowValue>(key));
        Assert.True(map.Delete(key));
        Assert.False(map.Delete(key));
    }

    [KernelFact]
    public void A_struct_of_another_size_is_refused_before_the_kernel_sees_it()
    {
        using BpfMap map = BpfMap.Create(BpfMapType.Hash, "dp_it_hash", 8, 16, 4);
        InvalidOperationException bug = Assert.Throws<InvalidOperationException>(() => map.Update(1u, default(FlowValue)));
        Assert.Equal("map dp_it_hash has a key of 8 bytes, but UInt32 has 4", bug.Message);
    }

    [KernelFact]
    public void A_full_map_says_which_and_why()
    {
        using BpfMap map = BpfMap.Create(BpfMapType.Hash, "dp_it_hash", 4, 4, 1);
        map.Update(1u, 1u);
        KernelException full = Assert.Throws<KernelException>(() => map.Update(2u, 2u));
        Assert.Equal("E2BIG", full.Symbol);
        Assert.StartsWith("cannot update map dp_it_hash: E2BIG", full.Message, StringComparison.Ordinal);
    }

    [KernelFact]
    public void An_update_that_must_be_new_does_not_replace()
    {
        using BpfMap map = BpfMap.Create(BpfMapType.Hash, "dp_it_hash", 4, 4, 4);
        map.Update(1u, 1u, MapUpdate.OnlyNew);
        Assert.Equal("EEXIST", Assert.Throws<KernelException>(() => map.Update(1u, 2u, MapUpdate.OnlyNew)).Symbol);
        Assert.Equal("ENOENT", Assert.Throws<KernelException>(() => map.Update(2u, 2u, MapUpdate.OnlyExisting)).Symbol);
        Assert.Equal(1u, map.Lookup<uint, uint>(1));
    }

    [KernelFact]
    public void Batches_write_and_read_more_than_one_system_call_holds()
    {
        const int Count = 10_000;
        using BpfMap map = BpfMap.Create(BpfMapType.Hash, "dp_it_hash", 4, 8, Count);
        uint[] keys = [.. Enumerable.Range(0, Count).Select(i => (uint)i)];
        ulong[] values = [.. keys.Select(key => key * 3ul)];
        map.UpdateBatch<uint, ulong>(keys, values);
        Dictionary<uint, ulong> read = map.Entries<uint, ulong>().ToDictionary();
        Assert.Equal(Count, read.Count);
        Assert.All(keys, key => Assert.Equal(key * 3ul, read[key]));
        Assert.Equal(keys, map.Keys<uint>().Order());
        map.DeleteAll<uint>(keys.AsSpan(1));
        Assert.Equal([0u], map.Keys<uint>());
    }

    [KernelFact]
    public void A_trie_has_no_batches_before_5_13_and_is_walked_all_the_same()
    {
        const uint NoPreallocation = 1;
        using BpfMap map = BpfMap.Create(BpfMapType.LongestPrefixTrie, "dp_it_trie", 8, 4, 8, NoPreallocation);
        map.UpdateBatch<ulong, uint>([24ul, 16ul], [1, 2]);
        Assert.Equal([1u, 2u], map.Entries<ulong, uint>().Select(entry => entry.Value).Order());
    }

    [KernelFact]
    public void Values_per_cpu_are_read_at_steps_of_8_bytes()
    {
        using BpfMap map = BpfMap.Create(BpfMapType.PerCpuArray, "dp_it_cpu", 4, 4, 2);
        map.UpdatePerCpu(1u, 77u);
        uint[]? values = map.LookupPerCpu<uint, uint>(1);
        Assert.NotNull(values);
        Assert.Equal(PossibleCpus.Count, values.Length);
        Assert.All(values, value => Assert.Equal(77u, value));
        Assert.Throws<InvalidOperationException>(() => map.Lookup<uint, uint>(1));
    }

    [KernelFact]
    public void A_mapped_array_is_what_programs_read()
    {
        using BpfObject loaded = TestObject.Load();
        using MappedArray arena = loaded.Map("dp_it_arena").MapMemory();
        arena.Values<ulong>()[5] = 0xfeed_beef;
        Assert.Equal(0xfeed_beeful, loaded.Map("dp_it_arena").Lookup<uint, ulong>(5));
        TestRun run = loaded.Program("dp_it_copy").TestRun(new byte[64]);
        Assert.Equal(42u, run.ReturnValue);
        Assert.Equal(0xfeed_beeful, loaded.Map("dp_it_flows").Lookup<FlowKey, FlowValue>(new FlowKey(0, 443, 0)).Packets);
    }

    [KernelFact]
    public void A_map_opened_by_id_is_the_same_map()
    {
        using BpfMap map = BpfMap.Create(BpfMapType.Array, "dp_it_array", 4, 4, 4);
        map.Update(3u, 9u);
        using BpfMap again = BpfMap.OpenById(map.Id);
        Assert.Equal(9u, again.Lookup<uint, uint>(3));
        Assert.Contains(KernelObjects.Maps(), found => found.Id == map.Id && found.Name == "dp_it_array" && found.MaxEntries == 4);
    }

    [KernelFact]
    public void A_frozen_map_takes_nothing_more()
    {
        using BpfMap map = BpfMap.Create(BpfMapType.Array, "dp_it_array", 4, 4, 4);
        map.Freeze();
        Assert.Equal("EPERM", Assert.Throws<KernelException>(() => map.Update(0u, 1u)).Symbol);
    }
}
