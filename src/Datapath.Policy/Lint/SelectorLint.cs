using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Lint;

/// <summary>Selectors that match nothing, and why.</summary>
internal sealed class SelectorLint(ResolvedPolicy policy, DiagnosticSink sink)
{
    private const string Identity = "$identity=";
    private const string UnitIdentity = "$identity=processingunit";
    private const string NetworkIdentity = "$identity=externalnetwork";
    private const string NetworkTag = "externalnetwork:";

    // Attributes of which every object has exactly one value (specification c.2).
    private static readonly ImmutableArray<string> Single = [Identity, "$name=", "$namespace=", "$type="];

    private readonly TagIndex _units = new(policy.Units.Select(unit => unit.Tags));
    private readonly TagIndex _networks = new(policy.Networks.Select(network => network.Tags));

    /// <summary>Looks at the subject and at the objects of every rule.</summary>
    public void Check(IEnumerable<NetworkRuleset> rulesets)
    {
        foreach (NetworkRuleset ruleset in rulesets)
        {
            foreach (ImmutableArray<string> clause in ruleset.Subject.Clauses)
            {
                CheckSubject(ruleset, clause);
            }
            foreach (NetworkRule rule in ruleset.IncomingRules.Concat(ruleset.OutgoingRules))
            {
                foreach (ImmutableArray<string> clause in rule.Object.Clauses)
                {
                    CheckObject(rule.At, clause);
                }
            }
        }
    }

    private void CheckSubject(NetworkRuleset ruleset, ImmutableArray<string> clause)
    {
        if (Match(_units, clause) > 0)
        {
            return;
        }
        string quoted = Quoted.Value(Text(clause));
        if (clause.Any(IsOfNetwork))
        {
            sink.Report(LintDiagnostics.NetworkAsSubject, ruleset.At, $"{quoted} selects external networks, and a ruleset never applies to one");
        }
        else if (TwoValues(clause) is { } key)
        {
            sink.Report(LintDiagnostics.NeverMatches, ruleset.At, $"{quoted} asks for two values of {key.TrimEnd('=')}, and nothing has both");
        }
    }

    private void CheckObject(SourceSpan at, ImmutableArray<string> clause)
    {
        if (Match(_units, clause) + Match(_networks, clause) > 0)
        {
            return;
        }
        string quoted = Quoted.Value(Text(clause));
        if (clause.Contains(UnitIdentity) && clause.Any(tag => tag.StartsWith(NetworkTag, StringComparison.Ordinal)))
        {
            sink.Report(LintDiagnostics.UnitOrNetwork, at, $"{quoted} asks for a processing unit that is an external network");
            return;
        }
        if (TwoValues(clause) is { } key)
        {
            sink.Report(LintDiagnostics.NeverMatches, at, $"{quoted} asks for two values of {key.TrimEnd('=')}, and nothing has both");
            return;
        }
        string[] nowhere = [.. clause.Where(tag => Match(_units, [tag]) + Match(_networks, [tag]) == 0)];
        string reason = nowhere.Length == 0 ? "nothing has all of these tags" : $"nothing has {string.Join(" or ", nowhere.Select(Quoted.Value))}";
        sink.Report(LintDiagnostics.NoTarget, at, $"the target of {quoted} is not in the files: {reason}");
    }

    private static bool IsOfNetwork(string tag) => tag == NetworkIdentity || tag.StartsWith(NetworkTag, StringComparison.Ordinal);

    private static string? TwoValues(ImmutableArray<string> clause) =>
        Single.FirstOrDefault(key =>
            clause.Where(tag => tag.StartsWith(key, StringComparison.Ordinal) && !tag.EndsWith('*')).Distinct(StringComparer.Ordinal).Count() > 1
        );

    private static int Match(TagIndex index, ImmutableArray<string> clause) => index.Match(new TagExpression([clause])).Length;

    private static string Text(ImmutableArray<string> clause) => string.Join(" and ", clause);
}
