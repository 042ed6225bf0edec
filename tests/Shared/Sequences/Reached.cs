using System.Text;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Shared.Oracle;

namespace Datapath.Shared.Sequences;

/// <summary>How many packets a run has shown of each kind, and what it ought to have shown.</summary>
internal sealed class Reached
{
    private readonly SortedDictionary<string, int> _counts = new(StringComparer.Ordinal);

    /// <summary>Reasons that no sequence reaches: a frame and a kernel that disagree cannot be made by BPF_PROG_TEST_RUN, and missing tables must not happen.</summary>
    private static readonly DropReason[] Elsewhere = [DropReason.LinkType, DropReason.NoPolicy];

    private static readonly string[] BuiltIns =
    [
        "excluded", "router-solicitation", "router-advertisement", "neighbour-solicitation", "neighbour-advertisement",
        "inverse-neighbour-solicitation", "inverse-neighbour-advertisement", "multicast-listener-query", "multicast-listener-report",
        "multicast-listener-done", "multicast-listener-report-v2",
    ];

    private static readonly string[] Situations =
    [
        "allowed without a look-up", "answer", "answer to a revoked opener", "bare SYN is no answer", "error about a flow", "error about no flow",
        "of a flow, by its own right", "of no flow", "of the unit with itself", "opener revoked", "opener's other kind", "opens", "opens again",
        "ports unknown where they do not matter", "ports unknown where they matter", "TCP of no flow, by its own right", "unreadable header",
    ];

    /// <summary>Takes note of a packet.</summary>
    public void Add(Outcome outcome)
    {
        if (outcome.Rulings.IsEmpty)
        {
            Add("nobody's");
        }
        foreach (Ruling ruling in outcome.Rulings)
        {
            Add($"verdict {ruling.Verdict}");
            Add($"reason {ruling.Reason}");
            Add($"unit {(ruling.Unit is null ? "host" : "pod")} {ruling.Direction}");
            Add($"because: {ruling.Why}");
            if (ruling.By is { } by)
            {
                Add(by.Rule.Kind == RuleKind.BuiltIn ? $"built-in {by.Rule.Ruleset}" : $"{by.Rule.Kind} {by.Verdict}");
            }
        }
    }

    /// <summary>What a run should have shown and has not.</summary>
    public IEnumerable<string> Missing() => Everything().Where(one => !_counts.ContainsKey(one));

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach ((string what, int times) in _counts)
        {
            text.AppendLine($"{times,9} {what}");
        }
        return text.ToString();
    }

    private void Add(string what) => _counts[what] = _counts.GetValueOrDefault(what) + 1;

    private static IEnumerable<string> Everything() =>
        [
            "nobody's", "verdict Allow", "verdict Reject", "unit host Incoming", "unit host Outgoing", "unit pod Incoming", "unit pod Outgoing",
            "Ruleset Allow", "Ruleset Reject", "Default Allow", "Default Reject", "Failsafe Allow", "Local Allow",
            .. Enum.GetValues<DropReason>().Except(Elsewhere).Select(reason => $"reason {reason}"),
            .. BuiltIns.Select(name => $"built-in {name}"),
            .. Situations.Select(why => $"because: {why}"),
        ];
}
