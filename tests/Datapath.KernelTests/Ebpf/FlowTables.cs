using System.Runtime.InteropServices;
using Datapath.Backends.Ebpf;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;

namespace Datapath.KernelTests.Ebpf;

/// <summary>The tables of flows of a lab, looked at and aged from outside, as if time had passed.</summary>
internal sealed class FlowTables : IDisposable
{
    public static readonly IReadOnlyList<string> Proved = ["dp_live_tcp4", "dp_live_tcp6", "dp_live_other4", "dp_live_other6"];
    public static readonly IReadOnlyList<string> Unproved = ["dp_new_tcp4", "dp_new_tcp6", "dp_new_other4", "dp_new_other6"];

    // Offsets in struct dp_flow of bpf/include/dp_abi.h.
    private const int SeenOffset = 0;
    private const int StateOffset = 28;

    private readonly Dictionary<string, BpfMap> _tables;
    private readonly BpfMap _digests;
    private readonly string _maps;
    private readonly int _jiffiesPerSecond = KernelClock.JiffiesPerSecond();

    /// <summary>Opens the tables of an instance.</summary>
    /// <param name="instance">Its name.</param>
    /// <param name="program">A program that judges by them.</param>
    public FlowTables(string instance, BpfProgram program)
    {
        string pins = $"{EbpfOptions.DefaultBpfFileSystem}/datapath/{instance}";
        _maps = Path.GetDirectoryName(Directory.EnumerateFiles(pins, Proved[0], SearchOption.AllDirectories).Single())!;
        _tables = Proved.Concat(Unproved).ToDictionary(name => name, OpenBeside);
        _digests = program.Describe().MapIds.Select(BpfMap.OpenById).Single(map => IsDigests(map));
    }

    private static bool IsDigests(BpfMap map)
    {
        bool isIt = map.Name == "dp_digests";
        if (!isIt)
        {
            map.Dispose();
        }

        return isIt;
    }

    /// <summary>The tables that have entries, with how many.</summary>
    public string Counts => string.Join(", ", _tables.Where(one => Count(one.Key) > 0).Select(one => $"{one.Key} {Count(one.Key)}"));

    public int Count(string table) => Keys(_tables[table]).Count;

    /// <summary>When each flow was last seen, in jiffies.</summary>
    public IReadOnlyList<ulong> Seen =>
        [.. _tables.Values.SelectMany(table => Keys(table).Select(key => BitConverter.ToUInt64(Value(table, key), SeenOffset)))];

    /// <summary>The states (enum dp_flow_state) of the flows.</summary>
    public IReadOnlyList<int> States => [.. _tables.Values.SelectMany(table => Keys(table).Select(key => (int)Value(table, key)[StateOffset]))];

    /// <summary>Lets every flow be that much older, as if nothing had been heard of it meanwhile.</summary>
    public void Age(TimeSpan by)
    {
        ulong jiffies = (ulong)(by.TotalSeconds * _jiffiesPerSecond);
        foreach (BpfMap table in _tables.Values)
        {
            foreach (byte[] key in Keys(table))
            {
                byte[] value = Value(table, key);
                BitConverter.TryWriteBytes(value.AsSpan(SeenOffset), BitConverter.ToUInt64(value, SeenOffset) - jiffies);
                table.Update(key, value);
            }
        }

        ForgetDigests();
    }

    /// <summary>Empties every table, as if each entry had been evicted a second ago.</summary>
    public void Clear()
    {
        Evict();
        ForgetDigests();
    }

    /// <summary>Empties every table, as if each entry had been evicted just now.</summary>
    public void Evict()
    {
        foreach (BpfMap table in _tables.Values)
        {
            Keys(table).ForEach(key => Delete(table, key));
        }
    }

    /// <summary>Another map of the instance; the caller's.</summary>
    public BpfMap OpenBeside(string map) => BpfMap.OpenPinned($"{_maps}/{map}");

    /// <summary>Drops what a CPU remembers of the last second.</summary>
    public void ForgetDigests()
    {
        using MappedArray digests = _digests.MapMemory();
        digests.Bytes.Clear();
    }

    public void Dispose()
    {
        foreach (BpfMap table in _tables.Values)
        {
            table.Dispose();
        }

        _digests.Dispose();
    }

    private static List<byte[]> Keys(BpfMap table) =>
        table.KeyBytes == Marshal.SizeOf<UInt128>()
            ? [.. table.Keys<UInt128>().Select(key => MemoryMarshal.AsBytes([key]).ToArray())]
            : [.. table.Keys<LongKey>().Select(key => MemoryMarshal.AsBytes([key]).ToArray())];

    private static void Delete(BpfMap table, byte[] key)
    {
        if (table.KeyBytes == Marshal.SizeOf<UInt128>())
        {
            table.Delete(MemoryMarshal.Read<UInt128>(key));
        }
        else
        {
            table.Delete(MemoryMarshal.Read<LongKey>(key));
        }
    }

    private static byte[] Value(BpfMap table, byte[] key)
    {
        var value = new byte[table.ValueBytes];
        Xunit.Assert.True(table.TryLookup(key, value), "the entry went away");
        return value;
    }

    /// <summary>As large as <c>struct dp_flow_key6</c>, or <c>dp_fragment_key</c>.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 40)]
    public struct LongKey;
}
