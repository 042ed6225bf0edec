using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Printing;
using Datapath.Policy.Resolution;

namespace Datapath.Policy.Lint;

/// <summary>What lint's sentences call things.</summary>
internal static class LintWords
{
    /// <summary>A rule.</summary>
    public static string Name(RuleIdentity rule) =>
        $"{(rule.Direction == Direction.Incoming ? "incoming" : "outgoing")} rule {rule.Position}"
        + (rule.RuleName.Length == 0 ? "" : $" {Quoted.Value(rule.RuleName)}")
        + $" of ruleset {Quoted.Value(rule.Ruleset)}";

    /// <summary>Whatever decides, with its place if somebody wrote it.</summary>
    public static string Decider(RulePlaces places, RuleIdentity rule) =>
        places.Of(rule) is { } at ? $"{Name(rule)} ({at})" : $"the {PolicyText.Decider(rule)}";

    /// <summary>A few of many, in their order.</summary>
    public static string Few(IReadOnlyCollection<string> all)
    {
        const int Shown = 3;
        string shown = string.Join(", ", all.Take(Shown));
        return all.Count > Shown ? $"{shown} and {all.Count - Shown} more" : shown;
    }
}
