namespace Datapath.Policy.Compilation;

/// <summary>The name that a person knows a verdict's rule by.</summary>
/// <param name="Kind">Whether somebody wrote the rule or it comes with the agent.</param>
/// <param name="Namespace">Namespace of the ruleset, or of the default action; empty for built-ins and failsafe ports.</param>
/// <param name="Ruleset">Name of the ruleset; for the other kinds the name of the default, built-in or failsafe port.</param>
/// <param name="Direction">Incoming or outgoing rules.</param>
/// <param name="Position">Place in the list of that direction, from 1; 0 for what nobody wrote.</param>
/// <param name="RuleName">The rule's own <c>name</c>, or empty.</param>
public sealed record RuleIdentity(
    RuleKind Kind,
    string Namespace,
    string Ruleset,
    Direction Direction,
    int Position,
    string RuleName
);

/// <summary>Where a rule comes from.</summary>
public enum RuleKind
{
    /// <summary>A network ruleset that somebody wrote.</summary>
    Ruleset,

    /// <summary>The default action of a namespace.</summary>
    Default,

    /// <summary>A built-in allowance.</summary>
    BuiltIn,

    /// <summary>A failsafe port.</summary>
    Failsafe,

    /// <summary>Traffic of a unit with itself, policy <c>local</c>.</summary>
    Local,
}
