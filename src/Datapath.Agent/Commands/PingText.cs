using System.Globalization;
using System.Text;
using Datapath.Agent.Documents;

namespace Datapath.Agent.Commands;

/// <summary>Probes as a person reads them.</summary>
internal static class PingText
{
    /// <summary>What is tried, and what the policy of this host says of it.</summary>
    /// <param name="ping">The first of them.</param>
    public static string Heading(PingDocument ping)
    {
        StringBuilder text = new();
        string what = ping.Mode == PingDocument.Layer3 ? "echo" : string.Create(CultureInfo.InvariantCulture, $"tcp/{ping.DestinationPort}");
        text.Append($"ping {ping.Namespace.TrimEnd('/')}/{ping.Unit} -> {ping.Destination} {what}\n");
        if (ping.Policy.Problem is { } problem)
        {
            text.Append($"policy: {problem}\n");
        }

        foreach (ExplainedSideDocument side in ping.Policy.Flows.SelectMany(flow => new[] { flow.Outgoing, flow.Incoming }).OfType<ExplainedSideDocument>())
        {
            string miss = side.NearestMiss is { } near ? $"; nearest is {near.Rule.Text}, which {string.Join(" and ", near.Lacks)}" : "";
            text.Append($"policy: {side.Unit} {side.Direction}: {side.Verdict} by {side.DecidedBy.Text}{miss}\n");
        }

        return text.ToString();
    }

    /// <summary>What became of one.</summary>
    /// <param name="ping">The agent's answer.</param>
    /// <param name="number">Which, from 1.</param>
    public static string Line(PingDocument ping, int number)
    {
        StringBuilder text = new();
        string time = ping.RoundTripMilliseconds is { } milliseconds ? string.Create(CultureInfo.InvariantCulture, $" in {milliseconds} ms") : "";
        text.Append(CultureInfo.InvariantCulture, $"{number}: {ping.Outcome}{time}{(ping.Error is { } error ? $" ({error})" : "")}");
        text.Append(ping.LeftBy.IsEmpty ? "; did not leave the host" : $"; left by {string.Join(", ", ping.LeftBy)}");
        foreach (PingJudgementDocument one in ping.Judged)
        {
            string reason = one.Verdict == Wording.Allow ? "" : $" ({one.Reason})";
            text.Append($"; {one.Unit} {one.Direction}: {one.Verdict}{reason}{(one.DecidedBy is { } rule ? $" by {rule}" : "")}");
        }

        text.Append(
            ping.Nat is not { } nat ? "; NAT not known"
            : nat.IsEmpty ? "; no NAT"
            : $"; {string.Join(',', nat)}: {ping.OnWire}"
        );
        return text.Append('\n').ToString();
    }
}
