using System.Collections.Immutable;
using Datapath.Backends.Iptables.Kernel;
using Datapath.Backends.Iptables.Lowering;

namespace Datapath.Backends.Iptables;

/// <summary>Takes away everything of an instance, of both variants, and looks again. Needs no state: names tell what is ours.</summary>
internal static class IptablesRemoval
{
    /// <summary>Removes.</summary>
    /// <param name="names">The instance's names.</param>
    /// <param name="marks">The bits of connection marks.</param>
    /// <param name="dryRun">Only look.</param>
    /// <exception cref="BackendException">Refused.</exception>
    public static RemovalReport Remove(ObjectNames names, ConnectionMarks marks, bool dryRun)
    {
        ImmutableArray<string> found = Objects(names);
        if (found.IsEmpty)
        {
            // Also no bit of ours then: chains set it, and the last of them goes after the bits.
            return new RemovalReport([], []);
        }

        int marked = marks.Clear(dryRun: true);
        ImmutableArray<string> removed = marked == 0 ? found : [.. found, MarksText(marked)];
        if (dryRun)
        {
            return new RemovalReport(removed, removed);
        }

        // Jumps and chains before the bits, so that no packet is marked afterwards; sets last, because chains of either variant use them.
        foreach (XtablesVariant variant in VariantChoice.All)
        {
            InstalledRules present = InstalledRules.Read(names, variant);
            new RuleInstaller(names, variant).RemoveChains(kept: [], present);
            if (present.Lease is { } lease)
            {
                KeeperProcess.End(lease.Keeper);
            }
        }

        InstalledRules rest = InstalledRules.Read(names, VariantChoice.All[0]);
        new RuleInstaller(names, VariantChoice.All[0]).RemoveSets(kept: [], rest);
        marks.Clear(dryRun: false);
        int left = marks.Clear(dryRun: true);
        return new RemovalReport(removed, left == 0 ? Objects(names) : [.. Objects(names), MarksText(left)]);
    }

    /// <summary>The instances that have something in this network namespace.</summary>
    /// <exception cref="BackendException">Refused.</exception>
    public static ImmutableArray<string> FindInstances()
    {
        IEnumerable<string?> bySet = IpSets.Sizes().Keys.Select(ObjectNames.InstanceOfSet);
        IEnumerable<string?> byNote =
            from variant in VariantChoice.All
            from family in Family.Both
            from rule in new Xtables(variant, family).Save().Rules
            where rule.Chain.StartsWith(ObjectNames.Prefix, StringComparison.Ordinal)
            select RuleNote.In(rule.Text)?.Instance;
        return [.. bySet.Concat(byNote).OfType<string>().Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    private static ImmutableArray<string> Objects(ObjectNames names)
    {
        var lines = ImmutableArray.CreateBuilder<string>();
        InstalledRules? last = null;
        foreach (XtablesVariant variant in VariantChoice.All)
        {
            last = InstalledRules.Read(names, variant);
            for (int family = 0; family < Family.Both.Count; family++)
            {
                string program = (family == 0 ? "iptables-" : "ip6tables-") + (variant == XtablesVariant.Nft ? "nft" : "legacy");
                lines.AddRange(last.OwnAnchors(last.Tables[family]).Select(anchor => $"{program} jump of {anchor.Chain}"));
                lines.AddRange(last.OwnChains(family).Select(chain => $"{program} chain {chain}"));
            }
        }

        lines.AddRange(last?.OwnSets.Select(set => $"set {set}") ?? []);
        return lines.ToImmutable();
    }

    private static string MarksText(int count) => $"the mark of {count} {(count == 1 ? "connection" : "connections")}";
}
