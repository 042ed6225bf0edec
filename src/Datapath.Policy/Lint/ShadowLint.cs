using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Resolution;

namespace Datapath.Policy.Lint;

/// <summary>Allow rules of which Rejects leave nothing.</summary>
internal sealed class ShadowLint(DecisionCells cells, RulePlaces places, DiagnosticSink sink)
{
    /// <summary>Reports them.</summary>
    /// <returns>The rules that were reported.</returns>
    public ImmutableHashSet<RuleIdentity> Check()
    {
        var shadowed = ImmutableHashSet.CreateBuilder<RuleIdentity>();
        Dictionary<int, int[]> tables = TablesOfRulesets();
        for (int i = 0; i < cells.Policy.Rulesets.Length; i++)
        {
            ResolvedRuleset ruleset = cells.Policy.Rulesets[i];
            foreach (ResolvedRule rule in ruleset.Incoming.Concat(ruleset.Outgoing).Where(rule => rule is { Action: Verdict.Allow, IsObserving: false }))
            {
                RuleIdentity[] rejects = tables.TryGetValue(i, out int[]? own) ? Rejects(rule, own) : [];
                if (rejects.Length > 0)
                {
                    shadowed.Add(rule.Identity);
                    sink.Report(
                        LintDiagnostics.Shadowed,
                        places.Of(ruleset, rule.Identity),
                        $"{LintWords.Name(rule.Identity)} allows nothing: all of it is rejected by {LintWords.Few([.. rejects.Select(reject => LintWords.Decider(places, reject))])}"
                    );
                }
            }
        }
        return shadowed.ToImmutable();
    }

    private Dictionary<int, int[]> TablesOfRulesets()
    {
        var tables = new Dictionary<int, SortedSet<int>>();
        for (int unit = 0; unit < cells.Policy.Units.Length; unit++)
        {
            if (cells.TableOf(unit) is not { } table)
            {
                continue;
            }
            foreach (int ruleset in cells.Policy.Units[unit].Rulesets)
            {
                if (!tables.TryGetValue(ruleset, out SortedSet<int>? own))
                {
                    tables.Add(ruleset, own = []);
                }
                own.Add(table);
            }
        }
        return tables.ToDictionary(one => one.Key, one => one.Value.ToArray());
    }

    /// <summary>The rules that reject every cell of a rule, by how they are named; empty when one cell is left.</summary>
    private RuleIdentity[] Rejects(ResolvedRule rule, int[] tables)
    {
        var rejects = new HashSet<int>();
        var named = new List<RuleIdentity>();
        foreach (int table in tables)
        {
            foreach (int peerClass in cells.ClassesOf(rule))
            {
                foreach ((int portClass, _, _) in cells.PortsOf(rule))
                {
                    Descriptor cell = cells.Cell(table, rule.Identity.Direction, peerClass, portClass);
                    if (cell.Verdict == Verdict.Allow)
                    {
                        return [];
                    }
                    if (rejects.Add(cell.RuleIndex))
                    {
                        named.Add(cells.RuleOf(cell));
                    }
                }
            }
        }
        return [.. named];
    }
}
