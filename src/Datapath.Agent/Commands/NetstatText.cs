using System.Globalization;
using Datapath.Agent.Documents;

namespace Datapath.Agent.Commands;

/// <summary>Live connections as a person reads them; the columns are those of the product's table (specification f.3), and more.</summary>
internal static class NetstatText
{
    /// <summary>A table, and how many are not in it.</summary>
    /// <param name="live">The agent's answer.</param>
    public static string Render(ConnectionsDocument live)
    {
        TextTable table = new(["unit", "proto", "src ip", "src port", "dest ip", "dest port", "type", "state", "policy id", "duration", "idle"], rightAligned: [3, 5, 9, 10]);
        foreach (ConnectionDocument one in live.Connections)
        {
            table.Add(
                [
                    one.Unit,
                    ProtocolText.Of(one.Protocol),
                    one.SourceIP,
                    one.SourcePort.ToString(CultureInfo.InvariantCulture),
                    one.DestinationIP,
                    one.DestinationPort.ToString(CultureInfo.InvariantCulture),
                    one.Type,
                    one.State,
                    PolicyOf(one.Rule),
                    Time(one.DurationSeconds),
                    Time(one.IdleSeconds),
                ]
            );
        }

        long more = live.Total - live.Connections.Length;
        return table.Render() + (more > 0 ? string.Create(CultureInfo.InvariantCulture, $"and {more} more; --limit shows them\n") : "");
    }

    private static string PolicyOf(RuleDocument? rule) =>
        rule switch
        {
            null => "-",
            { Position: > 0 } => string.Create(CultureInfo.InvariantCulture, $"{rule.Namespace.TrimEnd('/')}/{rule.Ruleset} {rule.Position} {rule.Name}").TrimEnd(),
            _ => $"{rule.Kind} {rule.Ruleset}".TrimEnd(),
        };

    private static string Time(long? seconds) => seconds is { } known ? TimeSpan.FromSeconds(known).ToString(known >= 86400 ? @"d\.hh\:mm\:ss" : @"hh\:mm\:ss", CultureInfo.InvariantCulture) : "-";
}
