using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Lint;

/// <summary>Finds what is legal and surely not what was meant.</summary>
public static class PolicyLint
{
    /// <summary>Looks at a policy as a whole, for all its units and not only for those of one host.</summary>
    /// <param name="written">Objects that were read and resolved without errors.</param>
    /// <param name="inventory">What is known of the host.</param>
    /// <param name="options">The options that bear on meaning.</param>
    /// <returns>Warnings by file and place; empty also for a policy with errors, of which nothing is certain.</returns>
    public static ImmutableArray<Diagnostic> Check(WrittenPolicy written, HostInventory inventory, PolicyOptions options)
    {
        ArgumentNullException.ThrowIfNull(written);
        PolicyResolution resolution = PolicyResolver.Resolve(written, inventory, options);
        if (resolution.HasErrors)
        {
            return [];
        }
        ResolvedPolicy policy = EveryUnit.Addressed(EveryUnit.Judged(resolution.Policy));
        var sink = new DiagnosticSink();
        var places = new RulePlaces(written, policy);
        new SelectorLint(policy, sink).Check(written.Rulesets.Where(ruleset => !ruleset.Disabled));
        EffectLint.Check(policy, written, sink);

        // What is too large to compile for every unit at once may still fit each host: then only the rest is checked, and that is said.
        PolicyCompilation compilation = PolicyCompiler.Compile(policy, RuleIndexes.Empty);
        if (compilation.Policy is { } compiled)
        {
            var cells = new DecisionCells(policy, compiled);
            ImmutableHashSet<RuleIdentity> shadowed = new ShadowLint(cells, places, sink).Check();
            new AgreementLint(cells, places, sink).Check(shadowed);
            WayInLint.Check(cells, places, sink);
        }
        else
        {
            sink.Report(
                LintDiagnostics.NotLookedAt,
                default,
                $"rules were not looked at for what Rejects leave of them, for the other side's permission and for a way in: {compilation.Diagnostics[0].Message}"
            );
        }
        return sink.ToSorted();
    }
}
