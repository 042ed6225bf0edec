using Datapath.Backends.Ebpf;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;

namespace Datapath.KernelTests.Agent;

/// <summary>What an agent has in the kernel for cgroups, as others see it.</summary>
internal static class CgroupTraces
{
    // struct dp_flow_key4 and dp_flow_key6 of bpf/include/dp_abi.h: the zone lies four bytes before their end.
    private const int ZoneBeforeEnd = 4;
    private const string Pins = $"{EbpfOptions.DefaultBpfFileSystem}/datapath";

    /// <summary>Pinned links at cgroups that are attached.</summary>
    /// <param name="instance">Whose.</param>
    public static int LinksOf(string instance) =>
        PinsOf(instance, "cgroup-*")
            .Count(path =>
            {
                using BpfLink link = BpfLink.OpenPinned(path);
                return link.Describe().IsAttached;
            });

    /// <summary>How many entries a map has.</summary>
    /// <param name="instance">Whose.</param>
    /// <param name="map">Its name.</param>
    public static int Entries(string instance, string map) => KeysOf(instance, map).Count;

    private static readonly string[] TablesOfFlows =
        ["dp_new_tcp4", "dp_new_tcp6", "dp_new_other4", "dp_new_other6", "dp_live_tcp4", "dp_live_tcp6", "dp_live_other4", "dp_live_other6"];

    /// <summary>How many flows of a unit are remembered.</summary>
    /// <param name="instance">Whose.</param>
    /// <param name="unit">Number of the unit.</param>
    public static int FlowsOf(string instance, int unit) =>
        TablesOfFlows
            .SelectMany(map => KeysOf(instance, map))
            .Count(key => BitConverter.ToUInt16(key, key.Length - ZoneBeforeEnd) == unit);

    /// <summary>What bpftool sees at a cgroup.</summary>
    public static IReadOnlyList<string> ProgramsAt(LabCgroup cgroup) =>
        [
            .. CommandRunner
                .Run("bpftool", ["cgroup", "show", cgroup.Directory])
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Where(line => line.Contains("dp_", StringComparison.Ordinal)),
        ];

    private static IReadOnlyList<byte[]> KeysOf(string instance, string map)
    {
        using BpfMap opened = BpfMap.OpenPinned(PinsOf(instance, map).Single());
        return opened.KeyBytes switch
        {
            16 => [.. opened.Keys<UInt128>().Select(BitConverter.GetBytes)],
            20 => [.. opened.Keys<Key20>().Select(_ => Array.Empty<byte>())],
            40 => [.. opened.Keys<Key40>().Select(key => System.Runtime.InteropServices.MemoryMarshal.AsBytes([key]).ToArray())],
            _ => throw new InvalidOperationException($"map {map} has keys of {opened.KeyBytes} bytes"),
        };
    }

    private static IEnumerable<string> PinsOf(string instance, string name) =>
        Directory.Exists($"{Pins}/{instance}") ? Directory.EnumerateFiles($"{Pins}/{instance}", name, SearchOption.AllDirectories) : [];

    [System.Runtime.CompilerServices.InlineArray(20)]
    private struct Key20
    {
        private byte _first;
    }

    [System.Runtime.CompilerServices.InlineArray(40)]
    private struct Key40
    {
        private byte _first;
    }
}
