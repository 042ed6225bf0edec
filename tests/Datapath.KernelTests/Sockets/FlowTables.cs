using System.Buffers.Binary;
using Datapath.Backends.Ebpf;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;
using Datapath.KernelTests.Agent;
using Xunit;

namespace Datapath.KernelTests.Sockets;

/// <summary>The pinned flow tables of a lab's agent, whatever their number and the size of their keys.</summary>
internal static unsafe class FlowTables
{
    /// <summary>How many flows are remembered.</summary>
    public static int Count(AgentLab lab) => Each(lab, (_, _) => { });

    /// <summary>Forgets every flow, as an eviction of all of them would.</summary>
    /// <returns>How many there were.</returns>
    public static int Empty(AgentLab lab) =>
        Each(lab, (table, key) => LibbpfCheck(LibbpfApi.bpf_map_delete_elem(table, key)));

    /// <summary>Makes every flow older, as if nobody had spoken for so long.</summary>
    /// <param name="lab">Whose.</param>
    /// <param name="by">How much older.</param>
    /// <returns>How many flows there are.</returns>
    /// <remarks>The timeouts count from <c>dp_flow.seen_jiffies</c>, the first field; nothing else of an entry depends on time.</remarks>
    public static int Age(AgentLab lab, TimeSpan by)
    {
        ulong jiffies = (ulong)(by.TotalSeconds * KernelClock.JiffiesPerSecond());
        return Each(
            lab,
            (table, key) =>
            {
                byte* value = stackalloc byte[256];
                var seen = new Span<byte>(value, sizeof(ulong));
                LibbpfCheck(LibbpfApi.bpf_map_lookup_elem(table, key, value));
                BinaryPrimitives.WriteUInt64LittleEndian(seen, BinaryPrimitives.ReadUInt64LittleEndian(seen) - jiffies);
                LibbpfCheck(LibbpfApi.bpf_map_update_elem(table, key, value, 0));
            }
        );
    }

    private static readonly string[] Names = ["dp_flows*", "dp_live_*", "dp_new_*"];

    private delegate void Visit(int table, void* key);

    private static int Each(AgentLab lab, Visit visit)
    {
        string instance = Path.Combine(EbpfOptions.DefaultBpfFileSystem, "datapath", lab.Site.Instance);
        string[] paths = [.. Names.SelectMany(name => Directory.EnumerateFiles(instance, name, SearchOption.AllDirectories))];
        Assert.NotEmpty(paths);
        return paths.Sum(path => EachOf(path, visit));
    }

    private static int EachOf(string path, Visit visit)
    {
        using BpfMap map = BpfMap.OpenPinned(path);
        using FileDescriptor.Lease table = map.Descriptor.Borrow();
        var keys = new List<byte[]>();
        byte[]? last = null;
        while (true)
        {
            var next = new byte[map.KeyBytes];
            fixed (byte* current = last, following = next)
            {
                if (LibbpfApi.bpf_map_get_next_key(table.Number, current, following) != 0)
                {
                    break;
                }
            }

            keys.Add(next);
            last = next;
        }

        foreach (byte[] key in keys)
        {
            fixed (byte* one = key)
            {
                visit(table.Number, one);
            }
        }

        return keys.Count;
    }

    private static void LibbpfCheck(int result) => Assert.True(result == 0, $"the kernel says {-result}");
}
