using System.Collections.Immutable;
using Datapath.Flows;
using Datapath.Interop.Libbpf;

namespace Datapath.Backends.Ebpf;

/// <summary>Adds up the per-CPU counters.</summary>
internal static class CounterReader
{
    /// <summary>By number, as in <c>enum dp_statistic</c>.</summary>
    private static readonly string[] StatisticNames =
    [
        "events_suppressed",
        "events_lost",
        "flow_insert_failed",
        "not_ip_passed",
        "forwarded",
    ];

    /// <summary>Before anything was loaded.</summary>
    public static BackendCounters None { get; } =
        new(
            ImmutableDictionary<int, PacketCount>.Empty,
            ImmutableDictionary<DropReason, PacketCount>.Empty,
            ImmutableDictionary<string, long>.Empty
        );

    /// <summary>Reads all counters.</summary>
    /// <param name="loaded">The loaded object.</param>
    public static BackendCounters Read(BpfObject loaded) =>
        new(
            ReadPackets(loaded.Map("dp_rule_counts"), index => (int)index),
            ReadPackets(loaded.Map("dp_drop_counts"), reason => (DropReason)reason),
            ReadStatistics(loaded.Map("dp_statistics"))
        );

    private static ImmutableDictionary<TKey, PacketCount> ReadPackets<TKey>(BpfMap map, Func<uint, TKey> keyOf)
        where TKey : notnull
    {
        var counts = ImmutableDictionary.CreateBuilder<TKey, PacketCount>();
        for (uint index = 0; index < map.MaxEntries; index++)
        {
            DpCounter[] perCpu = map.LookupPerCpu<uint, DpCounter>(index) ?? [];
            long packets = perCpu.Sum(one => (long)one.Packets);
            if (packets != 0)
            {
                counts.Add(keyOf(index), new PacketCount(packets, perCpu.Sum(one => (long)one.Bytes)));
            }
        }

        return counts.ToImmutable();
    }

    private static ImmutableDictionary<string, long> ReadStatistics(BpfMap map) =>
        StatisticNames
            .Select((name, index) => (name, (map.LookupPerCpu<uint, ulong>((uint)index) ?? []).Sum(one => (long)one)))
            .ToImmutableDictionary(pair => pair.name, pair => pair.Item2);
}
