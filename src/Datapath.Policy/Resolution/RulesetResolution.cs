using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Resolution;

/// <summary>Which rulesets are in force, in which order they are named, and to whom they apply.</summary>
internal sealed class RulesetResolution(NamespaceTree namespaces, PeerResolution peers, List<Diagnostic> diagnostics)
{
    private readonly List<InactiveRuleset> _inactive = [];

    /// <summary>The rulesets that <see cref="Active"/> left out.</summary>
    public ImmutableArray<InactiveRuleset> Inactive => [.. _inactive];

    /// <summary>The rulesets in force with the subjects of each, in naming order.</summary>
    public ImmutableArray<(ResolvedRuleset Ruleset, ImmutableArray<int> Subjects)> Active(ImmutableArray<NetworkRuleset> written)
    {
        var active = new List<(ResolvedRuleset Ruleset, ImmutableArray<int> Subjects)>();
        foreach (NetworkRuleset ruleset in written)
        {
            ResolvedNamespace home = namespaces[namespaces.PathOf(ruleset)];
            if (WhyInactive(ruleset, home) is { } reason)
            {
                _inactive.Add(new InactiveRuleset(ruleset.At, ruleset.Name, home.Path, reason));
                continue;
            }
            active.Add((Resolve(ruleset, home.Path), peers.Subjects(ruleset.Subject)));
        }
        // OrderBy is stable: rulesets of one name and namespace stay in written order.
        return
        [
            .. active
                .OrderBy(one => NamespacePath.Depth(one.Ruleset.Namespace))
                .ThenBy(one => one.Ruleset.Name, StringComparer.Ordinal)
                .ThenBy(one => one.Ruleset.Namespace, StringComparer.Ordinal),
        ];
    }

    /// <summary>The units with the rulesets that apply to each.</summary>
    public static ImmutableArray<ResolvedUnit> Assign(
        ImmutableArray<(ResolvedRuleset Ruleset, ImmutableArray<int> Subjects)> rulesets,
        ImmutableArray<ResolvedUnit> units
    )
    {
        var applying = units.Select(_ => new List<int>()).ToArray();
        for (int i = 0; i < rulesets.Length; i++)
        {
            ResolvedRuleset ruleset = rulesets[i].Ruleset;
            foreach (int unit in rulesets[i].Subjects)
            {
                if (NamespacePath.IsVisible(ruleset.Namespace, ruleset.Propagate, units[unit].Namespace))
                {
                    applying[unit].Add(i);
                }
            }
        }
        return [.. units.Select((unit, i) => unit with { Rulesets = WithoutFallbacks(applying[i], rulesets) })];
    }

    /// <summary>A fallback counts only when nothing else resolves for the unit at all (specification b.3, rule 5).</summary>
    private static ImmutableArray<int> WithoutFallbacks(
        List<int> applying,
        ImmutableArray<(ResolvedRuleset Ruleset, ImmutableArray<int> Subjects)> rulesets
    ) =>
        applying.Exists(index => !rulesets[index].Ruleset.IsFallback)
            ? [.. applying.Where(index => !rulesets[index].Ruleset.IsFallback)]
            : [.. applying];

    private string? WhyInactive(NetworkRuleset ruleset, ResolvedNamespace home)
    {
        if (ruleset.Disabled)
        {
            return "it is disabled";
        }
        string? unlisted = Expressions(ruleset)
            .SelectMany(expression => expression.Clauses)
            .SelectMany(clause => clause)
            .FirstOrDefault(tag => !IsListed(tag, home.TagPrefixes));
        if (unlisted is null)
        {
            return null;
        }
        diagnostics.Add(PolicyCodes.UnlistedPrefix(ruleset.At, ruleset.Name, unlisted, home.Path));
        return $"tag '{unlisted}' begins with no tag prefix of its namespace";
    }

    private static IEnumerable<TagExpression> Expressions(NetworkRuleset ruleset) =>
        ruleset.IncomingRules.Concat(ruleset.OutgoingRules).Select(rule => rule.Object).Prepend(ruleset.Subject);

    private static bool IsListed(string tag, ImmutableArray<string> prefixes)
    {
        foreach (string prefix in prefixes)
        {
            if (tag.StartsWith(prefix, StringComparison.Ordinal))
            {
                return true;
            }
        }
        return false;
    }

    private ResolvedRuleset Resolve(NetworkRuleset ruleset, string path) =>
        new(
            ruleset.At,
            ruleset.Name,
            path,
            ruleset.Propagate,
            ruleset.Fallback,
            [.. ruleset.IncomingRules.Select((rule, i) => Resolve(rule, new(RuleKind.Ruleset, path, ruleset.Name, Direction.Incoming, i + 1, rule.Name)))],
            [.. ruleset.OutgoingRules.Select((rule, i) => Resolve(rule, new(RuleKind.Ruleset, path, ruleset.Name, Direction.Outgoing, i + 1, rule.Name)))]
        );

    private ResolvedRule Resolve(NetworkRule rule, RuleIdentity identity)
    {
        string canonical = PeerResolution.Canonical(rule.Object);
        var content = new ContentHash();
        content.Add(canonical);
        content.Add((int)rule.Action);
        content.Add((rule.LogsDisabled ? 1 : 0) | (rule.ObservationEnabled ? 2 : 0));
        foreach (ProtocolPort port in rule.ProtocolPorts)
        {
            content.Add(port.Text);
        }
        return new ResolvedRule
        {
            Identity = identity,
            Action = rule.Action,
            Peers = peers.Number(rule.Object, canonical, identity.Namespace),
            ProtocolPorts = rule.ProtocolPorts,
            IsLogged = !rule.LogsDisabled,
            IsObserving = rule.ObservationEnabled,
            Content = content.Value,
        };
    }
}
