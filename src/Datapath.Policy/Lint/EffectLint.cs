using Datapath.Policy.Diagnostics;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Lint;

/// <summary>Rulesets and networks that change nothing.</summary>
internal static class EffectLint
{
    public static void Check(ResolvedPolicy policy, WrittenPolicy written, DiagnosticSink sink)
    {
        foreach (NetworkRuleset ruleset in written.Rulesets)
        {
            if (ruleset.Disabled)
            {
                sink.Report(LintDiagnostics.Disabled, ruleset.At, $"ruleset {Quoted.Value(ruleset.Name)} is disabled and changes nothing");
            }
            else if (ruleset.IncomingRules.IsEmpty && ruleset.OutgoingRules.IsEmpty)
            {
                sink.Report(
                    LintDiagnostics.NoEffect,
                    ruleset.At,
                    $"ruleset {Quoted.Value(ruleset.Name)} has no rules",
                    "add a rule or remove the ruleset"
                );
            }
        }
        CheckSubjects(policy, sink);
        CheckNetworks(policy, sink);
    }

    private static void CheckSubjects(ResolvedPolicy policy, DiagnosticSink sink)
    {
        HashSet<int> applying = [.. policy.Units.SelectMany(unit => unit.Rulesets)];
        for (int i = 0; i < policy.Rulesets.Length; i++)
        {
            ResolvedRuleset ruleset = policy.Rulesets[i];
            if (!applying.Contains(i) && !(ruleset.Incoming.IsEmpty && ruleset.Outgoing.IsEmpty))
            {
                string name = $"ruleset {Quoted.Value(ruleset.Name)} of {ruleset.Namespace}";
                string reach = ruleset.Propagate ? "there or below" : "there, and it is not propagated";
                string message = ruleset.IsFallback
                    ? $"{name} applies to no processing unit: none matches its subject, or each has rulesets that are no fallback"
                    : $"{name} applies to no processing unit: none matches its subject {reach}";
                sink.Report(LintDiagnostics.NoEffect, ruleset.At, message);
            }
        }
    }

    private static void CheckNetworks(ResolvedPolicy policy, DiagnosticSink sink)
    {
        HashSet<int> named = [.. policy.Peers.SelectMany(peers => peers.Networks)];
        for (int i = 0; i < policy.Networks.Length; i++)
        {
            ResolvedNetwork network = policy.Networks[i];
            if (!named.Contains(i))
            {
                string reach = network.Propagate ? "there or below" : "there, and it is not propagated";
                sink.Report(
                    LintDiagnostics.NetworkUnnamed,
                    network.At,
                    $"external network {Quoted.Value(network.Name)} of {network.Namespace} is named by no ruleset in force {reach}"
                );
            }
        }
    }
}
