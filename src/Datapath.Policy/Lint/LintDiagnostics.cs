using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;

namespace Datapath.Policy.Lint;

/// <summary>Every code for what is legal but surely not what was meant, in one table. All are warnings; a retired number stays reserved.</summary>
/// <remarks>The numbers follow those of files that cannot be read, <c>DP30xx</c>.</remarks>
public static class LintDiagnostics
{
    // First in the file: fields are initialised in the order they are written.
    private static readonly List<DiagnosticCode> Defined = [];

    // DP311x: selectors.
    /// <summary>Selector that nothing can match.</summary>
    public static readonly DiagnosticCode NeverMatches = Warning(
        3111,
        "selector never matches",
        "an object has one value of this tag: write the two as two lists, which means one or the other"
    );

    /// <summary>Processing units with an external network's tag.</summary>
    public static readonly DiagnosticCode UnitOrNetwork = Warning(
        3112,
        "unit and network in one clause",
        "nothing is both: write the two as two lists, or leave one of them out"
    );

    /// <summary>External network as subject.</summary>
    public static readonly DiagnosticCode NetworkAsSubject = Warning(
        3113,
        "external network as subject",
        "rulesets apply to processing units: make the unit the subject and the network the object of a rule"
    );

    /// <summary>Target that is not in the files.</summary>
    public static readonly DiagnosticCode NoTarget = Warning(
        3114,
        "target is not in the files",
        "declare the processing unit or external network, correct the tag, or remove the rule"
    );

    // DP312x: rules.
    /// <summary>Rule that a Reject takes everything from.</summary>
    public static readonly DiagnosticCode Shadowed = Warning(
        3121,
        "shadowed by a Reject",
        "a Reject beats every Allow, whatever the namespace or the prefix length: narrow the Reject or remove the Allow"
    );

    /// <summary>Outgoing permission without the incoming one.</summary>
    public static readonly DiagnosticCode NoIncoming = Warning(
        3122,
        "one-sided permission",
        "both sides decide: add an incoming Allow to a ruleset of the other unit"
    );

    /// <summary>Incoming permission without the outgoing one.</summary>
    public static readonly DiagnosticCode NoOutgoing = Warning(
        3123,
        "one-sided permission",
        "both sides decide: add an outgoing Allow to a ruleset of the other unit"
    );

    // DP313x: objects.
    /// <summary>Ruleset that changes nothing.</summary>
    public static readonly DiagnosticCode NoEffect = Warning(3131, "ruleset without effect", "correct the subject or remove the ruleset");

    /// <summary>Disabled ruleset.</summary>
    public static readonly DiagnosticCode Disabled = Warning(3132, "ruleset is disabled", "remove `disabled: true`, or the ruleset");

    /// <summary>External network that nobody names.</summary>
    public static readonly DiagnosticCode NetworkUnnamed = Warning(3133, "network that nobody names", "name it in a rule or remove it");

    // DP314x: the host.
    /// <summary>No way in.</summary>
    public static readonly DiagnosticCode NoWayIn = Warning(
        3141,
        "no way in",
        "allow tcp/22 from somewhere, or narrow the Reject: a Reject beats failsafe ports too"
    );

    // DP315x: the policy as a whole.
    /// <summary>Policy too large to be judged for all units at once.</summary>
    public static readonly DiagnosticCode NotLookedAt = Warning(
        3151,
        "not looked at",
        "each host may still compile its part: what was not looked at is doubt about rules, not about verdicts"
    );

    /// <summary>Every code, by number.</summary>
    public static ImmutableArray<DiagnosticCode> All { get; } = [.. Defined];

    private static DiagnosticCode Warning(int number, string title, string help)
    {
        DiagnosticCode code = new($"DP{number}", DiagnosticSeverity.Warning, title, help);
        Defined.Add(code);
        return code;
    }
}
