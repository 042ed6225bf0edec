using System.Text;
using Datapath.Agent.Documents;

namespace Datapath.Agent.Commands;

/// <summary>What changes between two policies as a person reads it. Equal policies give equal bytes.</summary>
internal static class DiffText
{
    private const int MostPeers = 6;
    private const int MostPorts = 8;
    private const int MostUnits = 6;

    /// <summary>One block for each group of units, one part for each pair of deciding rules.</summary>
    /// <param name="document">What differs.</param>
    /// <param name="isFull">Whether long lists stand in full.</param>
    public static string Render(DiffDocument document, bool isFull)
    {
        if (!document.Differs)
        {
            return "no connection changes its verdict\n";
        }

        StringBuilder text = new();
        foreach ((int i, ChangedUnitsDocument changed) in document.Units.Index())
        {
            string[] units = [.. changed.Units.Select(unit => $"{(unit.Host ? "host " : "")}{unit.Name} of {unit.Namespace}")];
            text.Append(i == 0 ? "" : "\n").Append(ShortList.Of(units, MostUnits, isFull, ", ")).Append('\n');
            foreach (VerdictChangeDocument change in changed.Changes)
            {
                Change(text, change, isFull);
            }
        }

        return text.ToString();
    }

    private static void Change(StringBuilder text, VerdictChangeDocument change, bool isFull)
    {
        text.Append($"  {change.Direction}: {change.Before} -> {change.After}\n");
        text.Append($"    before  {Rule(change.DecidedBefore)}\n");
        text.Append($"    after   {Rule(change.DecidedAfter)}\n");
        string preposition = change.Direction == Wording.Incoming ? "from" : "to";
        foreach (FlowSetDocument flows in change.Flows)
        {
            text.Append($"    {ShortList.Of(flows.Ports, MostPorts, isFull)} {preposition} {ShortList.Of(flows.Peers, MostPeers, isFull)}\n");
        }
    }

    private static string Rule(NamedRuleDocument? rule) =>
        rule is null ? "nobody: the unit is not judged"
        : rule.File is null ? rule.Text
        : $"{rule.Text} ({rule.File}:{rule.Line}:{rule.Column})";
}
