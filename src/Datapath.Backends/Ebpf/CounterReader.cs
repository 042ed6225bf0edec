using System.Collections.Immutable;
using Datapath.Flows;
using Datapath.Interop.Libbpf;
using Datapath.Policy.Compilation;

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
        "flow_inserted",
        "resets_sent",
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
    public static BackendCounters Read(BpfObject loaded)
    {
        VerdictCount[] drops = [.. ReadPackets(loaded.Map(DpMaps.DropCounts)).Select(Dropped)];
        return new BackendCounters(
            ReadPackets(loaded.Map(DpMaps.RuleCounts)).ToImmutableDictionary(one => (int)one.Key, one => one.Value),
            drops.GroupBy(one => one.Reason, one => one.Count).ToImmutableDictionary(group => group.Key, group => group.Aggregate(Sum)),
            ReadStatistics(loaded.Map(DpMaps.Statistics))
        )
        {
            Verdicts = [.. ReadPassed(loaded), .. ReadPackets(loaded.Map(DpMaps.CgroupPassed)).Select(Passed), .. drops],
        };
    }

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

    private static List<KeyValuePair<uint, PacketCount>> ReadPackets(BpfMap<uint, DpCounter> map)
    {
        List<KeyValuePair<uint, PacketCount>> counts = [];
        map.ReadPerCpu(
            (index, perCpu) =>
            {
                PacketCount sum = default;
                foreach (ref readonly DpCounter one in perCpu)
                {
                    sum = Sum(sum, Count(one));
                }

                if (sum.Packets != 0)
                {
                    counts.Add(KeyValuePair.Create(index, sum));
                }
            }
        );
        return counts;
    }

    private static VerdictCount Dropped(KeyValuePair<uint, PacketCount> drops) =>
        At(drops.Key / (uint)DpReason.Reasons, (DropReason)(drops.Key % (uint)DpReason.Reasons), drops.Value);

    private static VerdictCount Passed(KeyValuePair<uint, PacketCount> passed) => At(passed.Key, DropReason.None, passed.Value);

    // Each program has its own visit for each CPU, and with it this count; a rehearsal counts nothing.
    private static IEnumerable<VerdictCount> ReadPassed(BpfObject loaded)
    {
        DpVisit[] visits = loaded.Map(DpMaps.TcVisit).LookupPerCpu(0) ?? [];
        for (uint place = 0; place < (uint)DpHook.Hooks * 2; place++)
        {
            PacketCount passed = visits.Select(visit => Count(visit.Passed[(int)place])).Aggregate(default(PacketCount), Sum);
            if (passed.Packets != 0)
            {
                yield return At(place, DropReason.None, passed);
            }
        }
    }

    private static VerdictCount At(uint place, DropReason reason, PacketCount count) =>
        new(EventDecoder.NameOf((int)place / 2), (Direction)(place % 2), reason, count);

    private static PacketCount Count(DpCounter counter) => new((long)counter.Packets, (long)counter.Bytes);

    private static PacketCount Sum(PacketCount left, PacketCount right) => new(left.Packets + right.Packets, left.Bytes + right.Bytes);

    private static ImmutableDictionary<string, long> ReadStatistics(BpfMap<uint, ulong> map) =>
        StatisticNames
            .Select((name, index) => (name, (map.LookupPerCpu((uint)index) ?? []).Sum(one => (long)one)))
            .ToImmutableDictionary(pair => pair.name, pair => pair.Item2);
}
