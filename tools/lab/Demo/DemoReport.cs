using System.Net.Sockets;
using System.Text;

namespace Datapath.Lab.Demo;

/// <summary>Prints what the demo does and finds.</summary>
/// <param name="output">Where to.</param>
internal sealed class DemoReport(TextWriter output)
{
    private static readonly CompositeFormat Row = CompositeFormat.Parse("{0,-8}  {1,-6}  {2,-2}  {3,-10}  {4,-8} {5,-42}  {6,-8} {7,-42}  {8}");

    /// <summary>How many rows and comparisons differed so far.</summary>
    public int Differences { get; private set; }

    /// <summary>A sentence on its own.</summary>
    /// <param name="text">The sentence.</param>
    public void Say(string text) => output.WriteLine(text);

    /// <summary>A sentence about something that was expected.</summary>
    /// <param name="text">The sentence.</param>
    /// <param name="isAsExpected">Whether it came so.</param>
    public void Compare(string text, bool isAsExpected)
    {
        Differences += isAsExpected ? 0 : 1;
        Say($"{text}: {(isAsExpected ? "ok" : "DIFFERS")}");
    }

    /// <summary>The heading of a table of attempts.</summary>
    public void Heading()
    {
        output.WriteLine();
        Line("from", "to", "ip", "what", "EXPECTED", "by unit direction ruleset rule", "OBSERVED", "", "");
    }

    /// <summary>One attempt: its first judgement beside the attempt, further ones below.</summary>
    /// <param name="outcome">What came of it.</param>
    public void Attempt(AttemptOutcome outcome)
    {
        var attempt = outcome.Attempt;
        var observed = outcome.Judgements ?? [];
        Differences += outcome.IsAsExpected ? 0 : 1;
        var ip = attempt.Family == AddressFamily.InterNetwork ? "v4" : "v6";
        // The same judgements on the same lines, whichever event came first.
        var ordered = observed.OrderBy(judgement => attempt.Judgements.IndexOf(judgement) is >= 0 and var index ? index : int.MaxValue).ToList();
        for (var line = 0; line < Math.Max(attempt.Judgements.Length, Math.Max(ordered.Count, 1)); line++)
        {
            var expectedRule = line < attempt.Judgements.Length ? Text(attempt.Judgements[line]) : "";
            var observedRule = line < ordered.Count ? Text(ordered[line]) : NoEvent(outcome, line);
            if (line == 0)
            {
                var result = outcome.IsAsExpected ? "ok" : "DIFFERS";
                Line(attempt.From, attempt.To, ip, attempt.What.Text, Verdict(attempt.IsAllowed), expectedRule, Verdict(outcome.WasAnswered), observedRule, result);
            }
            else
            {
                Line("", "", "", "", "", expectedRule, "", observedRule, "");
            }
        }
    }

    private static string NoEvent(AttemptOutcome outcome, int line) =>
        outcome.Judgements is null ? "(no agent)"
        : line < outcome.Attempt.Judgements.Length ? "(no event)"
        : "";

    private static string Verdict(bool isAllowed) => isAllowed ? "allow" : "reject";

    private static string Text(Judgement judgement) => $"{judgement.Unit} {judgement.Direction} {judgement.Ruleset} {judgement.Rule}";

    private void Line(params object[] cells) => output.WriteLine(string.Format(provider: null, Row, cells).TrimEnd());
}
