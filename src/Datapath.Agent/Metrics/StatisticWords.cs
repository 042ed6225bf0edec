namespace Datapath.Agent.Metrics;

/// <summary>The label values under which the statistics of backends show; a backend that does not have one gives no series.</summary>
internal static class StatisticWords
{
    /// <summary>Packets that passed without a verdict, or against it.</summary>
    public static IReadOnlyDictionary<string, string> Exempt { get; } = Words(
        ("not_ip_passed", "not-ip"),
        ("forwarded", "forwarded"),
        ("other_station", "other-station"),
        ("vlan_passed", "judged-above"),
        ("passed_while_paused", "pause"),
        ("passed_in_doubt", "older-than-policy")
    );

    /// <summary>Events that did not come to the agent.</summary>
    public static IReadOnlyDictionary<string, string> Lost { get; } = Words(("events_suppressed", "rate-limit"), ("events_lost", "kernel-buffer"));

    /// <summary>Entries of flows; no label.</summary>
    public static IReadOnlyDictionary<string, string> Inserts { get; } = Words(("flow_inserted", ""));

    /// <summary>Answers to denied connections; no label.</summary>
    public static IReadOnlyDictionary<string, string> Resets { get; } = Words(("resets_sent", ""));

    private static Dictionary<string, string> Words(params (string Statistic, string Word)[] words) => words.ToDictionary(one => one.Statistic, one => one.Word, StringComparer.Ordinal);
}
