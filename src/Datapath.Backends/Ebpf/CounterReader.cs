using System.Collections.Immutable;
using Datapath.Flows;
using Datapath.Interop.Libbpf;

namespace Datapath.Backends.Ebpf;

/// <summary>Adds up the per-CPU counters, and begins them anew.</summary>
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
        "other_station",
        "vlan_passed",
        "flow_unpromoted",
        "passed_while_paused",
        "passed_in_doubt",
        "judged_at_cgroup",
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
            ReadPackets(loaded.Map(DpMaps.RuleCounts), index => (int)index),
            ReadPackets(loaded.Map(DpMaps.DropCounts), reason => (DropReason)reason),
            ReadStatistics(loaded.Map(DpMaps.Statistics))
        );

    /// <summary>One of the statistics.</summary>
    /// <param name="loaded">The loaded object.</param>
    /// <param name="which">Which.</param>
    public static long ReadStatistic(BpfObject loaded, DpStatistic which) =>
        (loaded.Map(DpMaps.Statistics).LookupPerCpu((uint)which) ?? []).Sum(one => (long)one);

    /// <summary>Zeroes the counters of rules.</summary>
    /// <param name="loaded">The loaded object.</param>
    /// <param name="ruleIndexes">Which; one that has no counter needs none zeroed.</param>
    /// <returns>How many were zeroed.</returns>
    public static int Zero(BpfObject loaded, ImmutableArray<int> ruleIndexes)
    {
        BpfMap<uint, DpCounter> counts = loaded.Map(DpMaps.RuleCounts);
        uint[] counted = [.. ruleIndexes.Where(index => index < counts.Map.MaxEntries).Select(index => (uint)index)];
        foreach (uint index in counted)
        {
            counts.UpdatePerCpu(index, default);
        }

        return counted.Length;
    }

    private static ImmutableDictionary<TKey, PacketCount> ReadPackets<TKey>(BpfMap<uint, DpCounter> map, Func<uint, TKey> keyOf)
        where TKey : notnull
    {
        var counts = ImmutableDictionary.CreateBuilder<TKey, PacketCount>();
        for (uint index = 0; index < map.Map.MaxEntries; index++)
        {
            DpCounter[] perCpu = map.LookupPerCpu(index) ?? [];
            long packets = perCpu.Sum(one => (long)one.Packets);
            if (packets != 0)
            {
                counts.Add(keyOf(index), new PacketCount(packets, perCpu.Sum(one => (long)one.Bytes)));
            }
        }

        return counts.ToImmutable();
    }

    private static ImmutableDictionary<string, long> ReadStatistics(BpfMap<uint, ulong> map) =>
        StatisticNames
            .Select((name, index) => (name, (map.LookupPerCpu((uint)index) ?? []).Sum(one => (long)one)))
            .ToImmutableDictionary(pair => pair.name, pair => pair.Item2);
}
