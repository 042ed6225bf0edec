using System.Collections.Immutable;
using Datapath.Policy.Rulesets;

namespace Datapath.Tests.Support;

/// <summary>Takes away from a failing policy whatever it fails without.</summary>
internal static class PolicyShrinker
{
    public static PolicyCase Shrink(PolicyCase one, Func<PolicyCase, bool> stillFails)
    {
        while (Smaller(one).FirstOrDefault(stillFails) is { } smaller)
        {
            one = smaller;
        }
        return one;
    }

    private static IEnumerable<PolicyCase> Smaller(PolicyCase one)
    {
        WrittenPolicy written = one.Written;
        IEnumerable<WrittenPolicy> policies =
        [
            .. Without(written.Rulesets).Select(rest => written with { Rulesets = rest }),
            .. Without(written.ExternalNetworks).Select(rest => written with { ExternalNetworks = rest }),
            .. Without(written.ProcessingUnits).Select(rest => written with { ProcessingUnits = rest }),
            .. Without(written.Namespaces).Select(rest => written with { Namespaces = rest }),
            .. Without(written.EnforcerProfiles).Select(rest => written with { EnforcerProfiles = rest }),
            .. Each(written.Rulesets, SmallerRuleset).Select(rest => written with { Rulesets = rest }),
            .. Each(written.ExternalNetworks, SmallerNetwork).Select(rest => written with { ExternalNetworks = rest }),
            .. Each(written.ProcessingUnits, SmallerUnit).Select(rest => written with { ProcessingUnits = rest }),
        ];
        return
        [
            .. policies.Select(smaller => one with { Written = smaller }),
            .. Without(one.Options.Failsafe).Select(rest => one with { Options = one.Options with { Failsafe = rest } }),
            .. Without(one.Inventory.Addresses).Select(rest => one with { Inventory = one.Inventory with { Addresses = rest } }),
        ];
    }

    private static IEnumerable<NetworkRuleset> SmallerRuleset(NetworkRuleset ruleset) =>
        [
            .. Without(ruleset.IncomingRules).Select(rest => ruleset with { IncomingRules = rest }),
            .. Without(ruleset.OutgoingRules).Select(rest => ruleset with { OutgoingRules = rest }),
            .. Each(ruleset.IncomingRules, SmallerRule).Select(rest => ruleset with { IncomingRules = rest }),
            .. Each(ruleset.OutgoingRules, SmallerRule).Select(rest => ruleset with { OutgoingRules = rest }),
        ];

    private static IEnumerable<NetworkRule> SmallerRule(NetworkRule rule) =>
        [
            .. Without(rule.Object.Clauses).Where(rest => !rest.IsEmpty).Select(rest => rule with { Object = new TagExpression(rest) }),
            .. Without(rule.ProtocolPorts).Select(rest => rule with { ProtocolPorts = rest }),
        ];

    // The order of removal keeps a hole's network: holes without one are refused by the reader.
    private static IEnumerable<ExternalNetwork> SmallerNetwork(ExternalNetwork network) =>
        Without(network.Entries)
            .Where(rest => !rest.Any(entry => entry.Kind == NetworkEntryKind.Exclusion) || rest.Any(entry => entry.Kind == NetworkEntryKind.Network))
            .Select(rest => network with { Entries = rest });

    private static IEnumerable<ProcessingUnit> SmallerUnit(ProcessingUnit unit) =>
        [
            .. Without(unit.Addresses).Select(rest => unit with { Addresses = rest }),
            .. Without(unit.AssociatedTags).Select(rest => unit with { AssociatedTags = rest }),
        ];

    private static IEnumerable<ImmutableArray<T>> Without<T>(ImmutableArray<T> all) =>
        Enumerable.Range(0, all.Length).Select(all.RemoveAt);

    private static IEnumerable<ImmutableArray<T>> Each<T>(ImmutableArray<T> all, Func<T, IEnumerable<T>> smaller) =>
        Enumerable.Range(0, all.Length).SelectMany(i => smaller(all[i]).Select(one => all.SetItem(i, one)));
}
