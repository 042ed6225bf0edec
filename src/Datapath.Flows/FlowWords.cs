using System.Collections.Frozen;
using System.Diagnostics;
using System.Text.Json;
using Datapath.Policy.Compilation;

namespace Datapath.Flows;

/// <summary>The words that records have for our enumerations. They are part of the interface: other programs compare them.</summary>
public static class FlowWords
{
    /// <summary>It passed.</summary>
    public const string Accept = "Accept";

    /// <summary>It did not.</summary>
    public const string Reject = "Reject";

    /// <summary>No rule observed it.</summary>
    public const string NotApplicable = "NotApplicable";

    /// <summary>What stands for a rule that nobody wrote, or that is not known.</summary>
    public const string Default = "default";

    private static readonly FrozenDictionary<DropReason, string> Reasons = Enum.GetValues<DropReason>()
        .ToFrozenDictionary(reason => reason, reason => JsonNamingPolicy.KebabCaseLower.ConvertName(reason.ToString()));

    /// <summary>Such as <c>short-header</c>. A reason of a newer kernel half than this agent is its number.</summary>
    /// <param name="reason">The reason.</param>
    public static string Of(DropReason reason) =>
        Reasons.TryGetValue(reason, out string? word) ? word : ((byte)reason).ToString(provider: null);

    /// <summary><c>incoming</c> or <c>outgoing</c>.</summary>
    /// <param name="direction">The direction.</param>
    public static string Of(Direction direction) => direction == Direction.Incoming ? "incoming" : "outgoing";

    /// <summary><c>Accept</c> or <c>Reject</c>.</summary>
    /// <param name="verdict">The verdict.</param>
    public static string Of(Verdict verdict) => verdict == Verdict.Allow ? Accept : Reject;

    /// <summary><c>ProcessingUnit</c> or <c>ExternalNetwork</c>.</summary>
    /// <param name="type">The type.</param>
    public static string Of(FlowEndpointType type) => type == FlowEndpointType.ProcessingUnit ? "ProcessingUnit" : "ExternalNetwork";

    /// <summary>Such as <c>ruleset</c> or <c>built-in</c>.</summary>
    /// <param name="kind">The kind.</param>
    public static string Of(RuleKind kind) =>
        kind switch
        {
            RuleKind.Ruleset => "ruleset",
            RuleKind.Default => Default,
            RuleKind.BuiltIn => "built-in",
            RuleKind.Failsafe => "failsafe",
            RuleKind.Local => "local",
            _ => throw new UnreachableException($"rule kind {kind}"),
        };
}
