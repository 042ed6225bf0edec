using System.Text;
using Datapath.Agent.Documents;

namespace Datapath.Agent.Commands;

/// <summary>An explanation as a person reads it at night: the answer first, then who decided, then the way there.</summary>
internal static class ExplainText
{
    /// <summary>All flows, parted by empty lines.</summary>
    /// <param name="answer">An answer without a problem.</param>
    public static string Render(ExplainDocument answer)
    {
        StringBuilder text = new();
        if (answer.Flows.Length > 1)
        {
            string counts = string.Join(", ", answer.Flows.CountBy(flow => Verdict(flow.Verdict)).Select(one => $"{one.Value} {one.Key}"));
            text.Append($"{answer.From} -> {answer.To} {answer.Port}: {answer.Flows.Length} answers, {counts}\n\n");
        }

        text.AppendJoin('\n', answer.Flows.Select(flow => Flow(flow, answer.Port)));
        return text.ToString();
    }

    private static string Flow(ExplainedFlowDocument flow, string port)
    {
        StringBuilder text = new();
        text.Append($"{End(flow.Source)} -> {End(flow.Destination)} {port}: {Verdict(flow.Verdict)}\n");
        if (flow.Problem is { } problem)
        {
            text.Append($"  {problem}\n");
        }

        if (flow is { Outgoing: { } from, Incoming: { } to } && from.Verdict != to.Verdict)
        {
            (ExplainedSideDocument allows, ExplainedSideDocument rejects) = from.Verdict == Wording.Allow ? (from, to) : (to, from);
            text.Append($"  one side only: {allows.Unit} allows it ({allows.Direction}), {rejects.Unit} rejects it ({rejects.Direction})\n");
        }

        foreach (ExplainedSideDocument? side in (ReadOnlySpan<ExplainedSideDocument?>)[flow.Outgoing, flow.Incoming])
        {
            if (side is not null)
            {
                Side(text, side);
            }
        }

        return text.ToString();
    }

    private static void Side(StringBuilder text, ExplainedSideDocument side)
    {
        text.Append($"  {side.Direction} side, {side.Unit}: {side.Verdict} by {Rule(side.DecidedBy)}\n");
        Line(text, "because", side.Because);
        Line(text, "observed", side.Observed is { } observed ? $"{side.ObservedVerdict} by {Rule(observed)}" : null);
        int width = side.Path.Max(step => step.Name.Length);
        foreach (PrecedenceStepDocument step in side.Path)
        {
            text.Append($"    {step.Number} {step.Name.PadRight(width)}  {step.Found ?? "-"}{(step.Decides ? "  <- decides" : "")}\n");
        }

        if (side.NearestMiss is { } miss)
        {
            text.Append($"    nearest miss: {Rule(miss.Rule)}\n");
            foreach ((int i, string lack) in miss.Lacks.Index())
            {
                text.Append($"      {(i == 0 ? "but" : "and")} {lack}\n");
            }
        }
        else if (side.Verdict != Wording.Allow)
        {
            text.Append("    nearest miss: no rule comes near\n");
        }
    }

    private static void Line(StringBuilder text, string name, string? value) => text.Append(value is null ? "" : $"    {name}: {value}\n");

    private static string Rule(NamedRuleDocument rule) => rule.File is null ? rule.Text : $"{rule.Text} ({rule.File}:{rule.Line}:{rule.Column})";

    private static string End(ExplainedEndDocument end)
    {
        string networks = end.Networks.IsEmpty ? "" : $" in {string.Join(", ", end.Networks)}";
        return end.Unit is null
            ? $"{end.Address ?? "?"}{(networks.Length == 0 ? " in no network" : networks)}"
            : $"{end.Unit} of {end.Namespace} ({end.Address ?? "address not known"})";
    }

    private static string Verdict(string verdict) => verdict == Wording.Unknown ? "cannot tell" : verdict;
}
