using Datapath.Backends.Selection;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Explanation;

namespace Datapath.Agent.Documents;

/// <summary>The words that JSON and tables have for our enumerations. They are part of the interface: other programs compare them.</summary>
internal static class Wording
{
    /// <summary>Opened towards the unit.</summary>
    public const string Incoming = "incoming";

    /// <summary>A side lets it pass.</summary>
    public const string Allow = "allow";

    /// <summary>Every side lets it pass.</summary>
    public const string Allowed = "allowed";

    /// <summary>A side does not.</summary>
    public const string Denied = "denied";

    /// <summary>It cannot be told.</summary>
    public const string Unknown = "unknown";

    /// <summary><c>allowed</c>, <c>denied</c> or <c>unknown</c>.</summary>
    public static string Of(FlowVerdict verdict) =>
        verdict switch
        {
            FlowVerdict.Allowed => Allowed,
            FlowVerdict.Denied => Denied,
            _ => Unknown,
        };

    /// <summary><c>incoming</c> or <c>outgoing</c>.</summary>
    public static string Of(Direction direction) => FlowWords.Of(direction);

    /// <summary><c>allow</c> or <c>reject</c>.</summary>
    public static string Of(Verdict verdict) => verdict == Verdict.Allow ? Allow : "reject";

    /// <summary><c>error</c> or <c>warning</c>.</summary>
    public static string Of(DiagnosticSeverity severity) => severity == DiagnosticSeverity.Error ? "error" : "warning";

    /// <summary><c>found</c>, <c>missing</c> or <c>could-not-tell</c>.</summary>
    public static string Of(Finding finding) =>
        finding switch
        {
            Finding.Found => "found",
            Finding.Missing => "missing",
            _ => "could-not-tell",
        };

    /// <summary><c>both</c>, <c>ebpf</c> or <c>iptables</c>.</summary>
    public static string Of(RequirementScope scope) =>
        scope switch
        {
            RequirementScope.Both => "both",
            RequirementScope.Ebpf => "ebpf",
            _ => "iptables",
        };

    /// <summary><c>needed</c>, <c>useful</c> or <c>information</c>.</summary>
    public static string Of(RequirementLevel level) =>
        level switch
        {
            RequirementLevel.Needed => "needed",
            RequirementLevel.Useful => "useful",
            _ => "information",
        };

    /// <summary>Such as <c>short-header</c>. A reason of a newer kernel half than this agent is its number.</summary>
    public static string Of(DropReason reason) => FlowWords.Of(reason);

    /// <summary>Such as <c>ruleset</c> or <c>built-in</c>.</summary>
    public static string Of(RuleKind kind) => FlowWords.Of(kind);
}
