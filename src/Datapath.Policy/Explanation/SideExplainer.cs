using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Options;
using Datapath.Policy.Printing;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Explanation;

/// <summary>Says how one side came to its decision.</summary>
internal sealed class SideExplainer(PolicyEvaluator evaluator, WrittenPolicy written, PolicyOptions options)
{
    // Farther away, or with more to change, a rule is just another rule.
    private const int FarthestMiss = 5;
    private const int MostLacks = 2;

    private readonly RuleTraces _traces = new(evaluator, written);

    /// <summary>The decision of a unit with everything that led to it.</summary>
    /// <param name="unit">Who decides.</param>
    /// <param name="owner">The unit that has the peer's address; null for anybody else.</param>
    /// <param name="question">The connection.</param>
    public ExplainedSide Explain(WrittenUnit unit, WrittenUnit? owner, Question question)
    {
        Judgement judgement = evaluator.Judge(unit, question);
        RuleTrace[] traces = [.. _traces.Of(unit, owner, question)];
        RuleTrace[] matching = [.. traces.Where(trace => trace.Matches)];
        RuleTrace? deciding = matching.FirstOrDefault(trace => !trace.Rule.ObservationEnabled && trace.Identity == judgement.Rule);
        RuleTrace? observing = matching.FirstOrDefault(trace => trace.Rule.ObservationEnabled && trace.Identity == judgement.Observed);
        return new ExplainedSide
        {
            Unit = unit.Name,
            Direction = question.Direction,
            Judgement = judgement,
            At = deciding?.Rule.At,
            ObservedAt = observing?.Rule.At,
            Because = deciding?.Because,
            Path = Path(unit, owner, question, matching),
            Miss = judgement.Verdict == Verdict.Reject ? Miss(traces, judgement.Rule) : null,
        };
    }

    private ImmutableArray<PrecedenceStep> Path(WrittenUnit unit, WrittenUnit? owner, Question question, RuleTrace[] matching)
    {
        string? failsafe = unit.IsHost ? options.Failsafe.FirstOrDefault(port => PolicyEvaluator.IsFor(port, question))?.ToString() : null;
        (Verdict byDefault, string setBy) = evaluator.Scope.Default(unit.Name.Namespace, question.Direction);
        (string Name, string? Found) failsafeStep = ("failsafe port", failsafe is null ? null : $"allow by {failsafe}");
        (string Name, string? Found)[] steps =
        [
            ("local, excluded or built-in", Untouched(unit, owner, question)),
            .. options.FailsafeBeatsReject ? [failsafeStep] : Array.Empty<(string, string?)>(),
            ("Reject", Rules(matching, Verdict.Reject)),
            ("Allow", Rules(matching, Verdict.Allow)),
            .. options.FailsafeBeatsReject ? Array.Empty<(string, string?)>() : [failsafeStep],
            ("default", $"{(byDefault == Verdict.Allow ? "allow" : "reject")} by default of namespace {setBy}"),
        ];
        int decides = Array.FindIndex(steps, step => step.Found is not null);
        return [.. steps.Select((step, i) => new PrecedenceStep(i + 1, step.Name, step.Found, i == decides))];
    }

    private string? Untouched(WrittenUnit unit, WrittenUnit? owner, Question question)
    {
        if (owner == unit)
        {
            return "local: a unit may talk to itself";
        }
        EnforcerProfile? profile = evaluator.ProfileInForce;
        if (profile?.IgnoreExpression is { } ignored && WrittenMatch.Tags(ignored, unit.Tags))
        {
            return $"enforcer profile {profile.Name} ignores {unit.Name.Name}";
        }
        if (profile is not null && WrittenMatch.Network(profile.ExcludedNetworks, question.Peer))
        {
            return $"{question.Peer} is in the excluded networks of enforcer profile {profile.Name}";
        }
        return PolicyEvaluator.BuiltIn(question) is { } builtIn ? $"built-in {builtIn}" : null;
    }

    private static string? Rules(RuleTrace[] matching, Verdict action)
    {
        RuleTrace[] rules = [.. matching.Where(trace => !trace.Rule.ObservationEnabled && trace.Rule.Action == action)];
        return rules.Length switch
        {
            0 => null,
            1 => $"{PolicyText.Identity(rules[0].Identity)} ({rules[0].Rule.At})",
            _ => $"{PolicyText.Identity(rules[0].Identity)} ({rules[0].Rule.At}) and {rules.Length - 1} more",
        };
    }

    /// <summary>
    /// The Allow rule that the least kept from allowing; of equally near ones the first that would be named. Where a Reject decides, only rules
    /// that match all the same: of any other the Reject is not what it lacks.
    /// </summary>
    private static NearestMiss? Miss(RuleTrace[] traces, RuleIdentity decider)
    {
        (RuleTrace Trace, Lack[] Lacks)[] near =
        [
            .. traces
                .Where(trace => trace.Rule.Action == Verdict.Allow && (trace.Matches || decider.Kind != RuleKind.Ruleset))
                .Select(trace => (trace, Lacks: Lacks(trace, decider)))
                .Where(one => one.Lacks.Length <= MostLacks && one.Lacks.Sum(lack => lack.Distance) <= FarthestMiss),
        ];
        if (near.Length == 0)
        {
            return null;
        }
        (RuleTrace nearest, Lack[] lacks) = near.MinBy(one => one.Lacks.Sum(lack => lack.Distance));
        return new NearestMiss(nearest.Identity, nearest.Rule.At, [.. lacks.Select(lack => lack.Text)]);
    }

    private static Lack[] Lacks(RuleTrace trace, RuleIdentity decider) =>
        [
            .. trace.Lacks,
            .. trace.Rule.ObservationEnabled ? [new Lack(1, "it only observes")] : Array.Empty<Lack>(),
            .. decider.Kind == RuleKind.Ruleset ? [new Lack(1, $"{PolicyText.Identity(decider)} rejects, and a Reject beats every Allow")] : Array.Empty<Lack>(),
        ];
}
