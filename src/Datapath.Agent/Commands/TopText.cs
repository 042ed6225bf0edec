using System.Globalization;
using System.Text;
using Datapath.Agent.Documents;

namespace Datapath.Agent.Commands;

/// <summary>The table of <c>datapath top</c>: what happened between two looks.</summary>
internal static class TopText
{
    private const int LinesAround = 6;
    private const int WidestName = 40;

    /// <summary>The flows that happen most often, then the rules that judge most packets.</summary>
    /// <param name="before">The look before.</param>
    /// <param name="now">This one.</param>
    /// <param name="height">Lines that there is room for.</param>
    public static string Render(TopDocument before, TopDocument now, int height)
    {
        double seconds = Math.Max(0.001, (TimeOf(now) - TimeOf(before)).TotalSeconds);
        (TopRuleDocument Rule, double Packets, double Bytes)[] rules =
        [
            .. Rates(before, now, seconds).OrderByDescending(rule => rule.Packets).ThenBy(rule => rule.Rule.Index),
        ];
        int room = Math.Max(2, height - LinesAround);
        int ruleLines = Math.Min(rules.Length, Math.Max(1, room / 2));
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{now.Time[..19]}Z  flows {now.Flows.Length}, rules {now.Rules.Length}\n\n");
        text.Append(Flows(now, Math.Max(1, room - ruleLines))).Append('\n');
        text.Append(Rules(rules.Take(ruleLines)));
        return text.ToString();
    }

    private static string Flows(TopDocument now, int most)
    {
        TextTable table = new(["per s", "total", "action", "direction", "source", "destination", "port", "policy"], rightAligned: [0, 1]);
        foreach (TopFlowDocument flow in now.Flows.Take(most))
        {
            table.Add(
                [
                    Number(flow.PerSecond),
                    $"{flow.Total}",
                    flow.Action,
                    flow.Direction,
                    Short(flow.Source),
                    Short(flow.Destination),
                    ProtocolText.Of(flow.Protocol, flow.DestinationPort),
                    Short(Name(flow.Rule)),
                ]
            );
        }

        return table.Render();
    }

    private static string Rules(IEnumerable<(TopRuleDocument Rule, double Packets, double Bytes)> rules)
    {
        TextTable table = new(["packets/s", "bytes/s", "packets", "rule"], rightAligned: [0, 1, 2]);
        foreach ((TopRuleDocument rule, double packets, double bytes) in rules)
        {
            table.Add([Number(packets), Number(bytes), $"{rule.Packets}", Short(Name(rule.Rule) is "-" ? $"number {rule.Index}" : Name(rule.Rule))]);
        }

        return table.Render();
    }

    // A rule whose count went down has begun anew: a restart of the kernel half, or another rule of that number.
    private static IEnumerable<(TopRuleDocument Rule, double Packets, double Bytes)> Rates(TopDocument before, TopDocument now, double seconds)
    {
        Dictionary<int, TopRuleDocument> old = before.Rules.ToDictionary(rule => rule.Index);
        foreach (TopRuleDocument rule in now.Rules)
        {
            (long packets, long bytes) = old.TryGetValue(rule.Index, out TopRuleDocument? was) && was.Packets <= rule.Packets ? (was.Packets, was.Bytes) : (0, 0);
            yield return (rule, (rule.Packets - packets) / seconds, (rule.Bytes - bytes) / seconds);
        }
    }

    private static string Name(RuleDocument? rule) =>
        rule is null ? "-" : $"{rule.Namespace.TrimEnd('/')}/{rule.Ruleset} {(rule.Position == 0 ? "" : $"{rule.Position} ")}{rule.Direction}".Trim();

    private static string Number(double rate) => rate.ToString(rate >= 100 ? "F0" : "F1", CultureInfo.InvariantCulture);

    private static string Short(string name)
    {
        string plain = string.Concat(name.Select(c => char.IsControl(c) ? '?' : c));
        return plain.Length <= WidestName ? plain : plain[..(WidestName - 1)] + "…";
    }

    private static DateTimeOffset TimeOf(TopDocument document) => DateTimeOffset.Parse(document.Time, CultureInfo.InvariantCulture);
}
