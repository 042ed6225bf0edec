using Datapath.Policy.Diagnostics;

namespace Datapath.Policy.Resolution;

/// <summary>The diagnostics of objects among each other, and of policies too large to compile: <c>DP2xxx</c>. A retired number stays reserved.</summary>
internal static class PolicyCodes
{
    public static Diagnostic NamespaceTwice(SourceSpan at, string path, SourceSpan first) =>
        Error("DP2001", at, $"namespace '{path}' is declared twice, first at {first}", "keep one of the two declarations");

    public static Diagnostic NamespaceTooDeep(SourceSpan at, string path, int depth, int limit) =>
        Error("DP2002", at, $"namespace '{path}' is {depth} levels deep; {limit} is the limit", null);

    public static Diagnostic TwoHosts(SourceSpan at, string name, string why, string firstName, string firstWhy, SourceSpan first) =>
        Error(
            "DP2003",
            at,
            $"processing unit '{name}' is this host by {why}, and so is '{firstName}' by {firstWhy} at {first}",
            "a machine is one host: write its addresses and tags in one of them"
        );

    public static Diagnostic AddressTwice(SourceSpan at, string address, string name, string firstName, SourceSpan first) =>
        Error(
            "DP2004",
            at,
            $"address {address} of processing unit '{name}' belongs to '{firstName}' already ({first})",
            "an address belongs to one unit; if they are the same machine, write it once with 'attach: host: true'"
        );

    public static Diagnostic AttachedTwice(SourceSpan at, string target, string name, string firstName, SourceSpan first) =>
        Error("DP2005", at, $"'{target}' of processing unit '{name}' is what '{firstName}' is attached to already ({first})", null);

    public static Diagnostic UnlistedPrefix(SourceSpan at, string ruleset, string tag, string path) =>
        Warning(
            "DP2006",
            at,
            $"ruleset '{ruleset}' is inactive: tag '{tag}' begins with no tag prefix of namespace '{path}'",
            $"add '{tag[..(tag.IndexOf('=', StringComparison.Ordinal) + 1)]}' to the tagPrefixes of the namespace or of one above it"
        );

    public static Diagnostic TwoProfiles(SourceSpan at, string name, string firstName, SourceSpan first) =>
        Error(
            "DP2007",
            at,
            $"enforcer profile '{name}' is mapped to this host, and so is '{firstName}' at {first}",
            "change the mappings so that one profile remains"
        );

    public static Diagnostic TooManyClasses(string what, long needed, int limit) =>
        Error(
            "DP2010",
            default,
            $"the policy tells {needed} kinds of {what} apart; {limit} is the limit",
            "let rules share external networks and port lists"
        );

    // DP2011 was for more descriptors than cells of 16 bits can name.

    public static Diagnostic TooManyUnits(int needed, int limit) =>
        Error("DP2012", default, $"processing units of this host need numbers up to {needed}, those of departed ones included; {limit} is the limit", null);

    public static Diagnostic TooManyRuns(long needed, int limit) =>
        Error(
            "DP2013",
            default,
            $"the verdict matrix needs {needed} runs of port classes or more; {limit} is the limit",
            "let rules share external networks and port lists"
        );

    private static Diagnostic Error(string code, SourceSpan at, string message, string? help) =>
        new(DiagnosticSeverity.Error, code, at, message, help);

    private static Diagnostic Warning(string code, SourceSpan at, string message, string? help) =>
        new(DiagnosticSeverity.Warning, code, at, message, help);
}
