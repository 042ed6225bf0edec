using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;
using Datapath.Interop.Libxdp;
using Xunit;

namespace Datapath.Tests.Interop.Libbpf;

/// <summary>What the imports claim, held against the libraries that are installed.</summary>
public sealed class ImportTests
{
    public static TheoryData<string, string> Imports()
    {
        var imports = new TheoryData<string, string>();
        foreach ((Type api, string library) in new[] { (typeof(LibbpfApi), LibbpfApi.Library), (typeof(LibcApi), LibcApi.Library), (typeof(LibxdpApi), LibxdpApi.Library) })
        {
            foreach (string function in Functions(api))
            {
                imports.Add(library, function);
            }
        }

        return imports;
    }

    [Theory]
    [MemberData(nameof(Imports))]
    public void Every_imported_function_is_in_its_library(string library, string function)
    {
        nint handle = NativeLibrary.Load(library);
        Assert.True(NativeLibrary.TryGetExport(handle, function, out nint address), $"{library} does not export {function}");
        Assert.NotEqual(0, address);
    }

    [Fact]
    public void The_list_of_imports_is_not_empty() => Assert.InRange(Imports().Count, 80, 200);

    // sizeof on 64-bit Linux, as a C compiler says with libbpf 1.1.
    [Fact]
    public void Structs_are_as_large_as_in_C()
    {
        Assert.Equal(80, Unsafe.SizeOf<bpf_object_open_opts>());
        Assert.Equal(48, Unsafe.SizeOf<bpf_map_create_opts>());
        Assert.Equal(24, Unsafe.SizeOf<bpf_map_batch_opts>());
        Assert.Equal(64, Unsafe.SizeOf<bpf_link_create_opts>());
        Assert.Equal(16, Unsafe.SizeOf<bpf_link_update_opts>());
        Assert.Equal(40, Unsafe.SizeOf<bpf_prog_query_opts>());
        Assert.Equal(80, Unsafe.SizeOf<bpf_test_run_opts>());
        Assert.Equal(24, Unsafe.SizeOf<bpf_tc_hook>());
        Assert.Equal(32, Unsafe.SizeOf<bpf_tc_opts>());
        Assert.Equal(16, Unsafe.SizeOf<bpf_xdp_attach_opts>());
        Assert.Equal(32, Unsafe.SizeOf<bpf_xdp_query_opts>());
        Assert.Equal(232, Unsafe.SizeOf<bpf_prog_info>());
        Assert.Equal(88, Unsafe.SizeOf<bpf_map_info>());
        Assert.Equal(48, Unsafe.SizeOf<bpf_link_info>());
    }

    [Fact]
    public void Public_map_types_have_the_numbers_of_the_kernel()
    {
        Assert.Equal((int)bpf_map_type.BPF_MAP_TYPE_HASH, (int)BpfMapType.Hash);
        Assert.Equal((int)bpf_map_type.BPF_MAP_TYPE_ARRAY, (int)BpfMapType.Array);
        Assert.Equal((int)bpf_map_type.BPF_MAP_TYPE_PERCPU_HASH, (int)BpfMapType.PerCpuHash);
        Assert.Equal((int)bpf_map_type.BPF_MAP_TYPE_PERCPU_ARRAY, (int)BpfMapType.PerCpuArray);
        Assert.Equal((int)bpf_map_type.BPF_MAP_TYPE_LRU_HASH, (int)BpfMapType.LruHash);
        Assert.Equal((int)bpf_map_type.BPF_MAP_TYPE_LRU_PERCPU_HASH, (int)BpfMapType.LruPerCpuHash);
        Assert.Equal((int)bpf_map_type.BPF_MAP_TYPE_LPM_TRIE, (int)BpfMapType.LongestPrefixTrie);
        Assert.Equal((int)bpf_map_type.BPF_MAP_TYPE_ARRAY_OF_MAPS, (int)BpfMapType.ArrayOfMaps);
        Assert.Equal((int)bpf_map_type.BPF_MAP_TYPE_HASH_OF_MAPS, (int)BpfMapType.HashOfMaps);
        Assert.Equal((int)bpf_map_type.BPF_MAP_TYPE_RINGBUF, (int)BpfMapType.RingBuffer);
    }

    [Fact]
    public void Public_attach_types_have_the_numbers_of_the_kernel()
    {
        Assert.Equal((int)bpf_attach_type.BPF_CGROUP_INET_INGRESS, (int)AttachType.CgroupIngress);
        Assert.Equal((int)bpf_attach_type.BPF_CGROUP_INET_EGRESS, (int)AttachType.CgroupEgress);
        Assert.Equal((int)bpf_attach_type.BPF_CGROUP_INET4_CONNECT, (int)AttachType.CgroupConnect4);
        Assert.Equal((int)bpf_attach_type.BPF_CGROUP_INET6_CONNECT, (int)AttachType.CgroupConnect6);
        Assert.Equal((int)bpf_attach_type.BPF_XDP, (int)AttachType.Xdp);
    }

    [Fact]
    public void What_libbpf_says_goes_into_the_exception_and_not_to_stderr()
    {
        Datapath.Interop.KernelException refusal =
            Assert.Throws<Datapath.Interop.KernelException>(() => BpfObject.Open("\u007fELF, but not really an object file"u8, "dp_no"));
        Assert.Contains("libbpf: ", refusal.Message, StringComparison.Ordinal);
    }

    // A name with a bracket is the inner function that the source generator wraps.
    private static IEnumerable<string> Functions(Type api) =>
        api.GetMethods(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
            .Select(method => method.Name)
            .Where(name => !name.StartsWith('<'));
}
