using System.Collections.Immutable;
using Datapath.Backends.Iptables.Kernel;
using Datapath.Backends.Iptables.Lowering;
using Datapath.Interop;
using Datapath.Interop.Netlink;

namespace Datapath.Backends.Iptables;

/// <summary>Takes away everything of an instance, of both variants, and looks again. Needs no state: names tell what is ours.</summary>
internal static class IptablesRemoval
{
    /// <summary>Removes.</summary>
    /// <param name="names">The instance's names.</param>
    /// <param name="marks">The bits of connection marks.</param>
    /// <param name="isThorough">Look for marks too where nothing else of the instance is left: somebody may have flushed all the rest.</param>
    /// <param name="dryRun">Only look.</param>
    /// <exception cref="BackendException">Refused.</exception>
    public static RemovalReport Remove(ObjectNames names, ConnectionMarks marks, bool isThorough, bool dryRun)
    {
        ImmutableArray<(XtablesVariant Variant, InstalledRules Found)> before = Present(names);
        ImmutableArray<string> found = Objects(before);
        int marked = found.IsEmpty && !isThorough ? 0 : Marked(marks, found.IsEmpty);
        ImmutableArray<string> others = marked == 0 ? [] : [.. FindJudges().Where(one => one != names.Instance)];
        bool areShared = !others.IsEmpty;
        ImmutableArray<string> removed = marked == 0 || areShared ? found : [.. found, MarksText(marked)];
        ImmutableArray<string> kept = areShared && !found.IsEmpty ? [$"{MarksText(marked)} to instance {string.Join(", ", others)}, which judges by it too"] : [];
        if (dryRun || removed.IsEmpty)
        {
            return new RemovalReport(removed, removed) { Kept = kept };
        }

        foreach ((XtablesVariant variant, _) in before.Where(one => TrafficCounting.IsOurs(one.Found)))
        {
            Guard(new TrafficCounting(names, variant).End);
        }

        // Jumps and chains first, so that no packet is marked afterwards; sets last, because chains of either variant use them.
        foreach ((XtablesVariant variant, InstalledRules present) in Present(names))
        {
            new RuleInstaller(names, variant).RemoveChains(kept: [], present);
            if (present.Lease is { } lease)
            {
                KeeperProcess.End(lease, names.Instance);
            }
        }

        if (!areShared && marked > 0)
        {
            marks.Clear(dryRun: false);
        }

        (XtablesVariant any, InstalledRules rest) = Present(names)[0];
        new RuleInstaller(names, any).RemoveSets(kept: [], rest);
        int left = areShared || marked == 0 ? 0 : Marked(marks, wasNothingFound: false);
        ImmutableArray<string> remaining = Objects(Present(names));
        return new RemovalReport(removed, left == 0 ? remaining : remaining.Add(MarksText(left))) { Kept = kept };
    }

    /// <summary>The instances that have something in this network namespace.</summary>
    /// <exception cref="BackendException">Refused.</exception>
    public static ImmutableArray<string> FindInstances() =>
        [.. IpSets.Sizes().Keys.Select(ObjectNames.InstanceOfSet).OfType<string>().Concat(FindJudges()).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    // Those that have chains.
    private static ImmutableArray<string> FindJudges() =>
        [
            .. (
                from readable in VariantChoice.Readable(variant => Family.Both.Select(family => new Xtables(variant, family).Save()).ToList())
                from table in readable.Found
                from rule in table.Rules
                where rule.Chain.StartsWith(ObjectNames.Prefix, StringComparison.Ordinal)
                select RuleNote.In(rule.Text)?.Instance
            )
                .OfType<string>()
                .Distinct(StringComparer.Ordinal)
                .Order(StringComparer.Ordinal),
        ];

    private static ImmutableArray<(XtablesVariant Variant, InstalledRules Found)> Present(ObjectNames names) => VariantChoice.Readable(variant => InstalledRules.Read(names, variant));

    /// <summary>The seam speaks of backends, not of system calls.</summary>
    private static void Guard(Action work)
    {
        try
        {
            work();
        }
        catch (KernelException refusal)
        {
            throw new BackendException(refusal.Message, refusal);
        }
    }

    private static int Marked(ConnectionMarks marks, bool wasNothingFound)
    {
        try
        {
            // To ask where nothing is tracked would make the kernel begin with it.
            return Conntrack.IsLoaded ? marks.Clear(dryRun: true) : 0;
        }
        catch (BackendException) when (wasNothingFound)
        {
            // Whoever cannot read connections has never enforced by their marks.
            return 0;
        }
    }

    private static ImmutableArray<string> Objects(ImmutableArray<(XtablesVariant Variant, InstalledRules Found)> present)
    {
        var lines = ImmutableArray.CreateBuilder<string>();
        foreach ((XtablesVariant variant, InstalledRules rules) in present)
        {
            for (int family = 0; family < Family.Both.Count; family++)
            {
                string program = (family == 0 ? "iptables-" : "ip6tables-") + (variant == XtablesVariant.Nft ? "nft" : "legacy");
                lines.AddRange(rules.OwnAnchors(rules.Tables[family]).Select(anchor => $"{program} jump of {anchor.Chain}"));
                lines.AddRange(rules.OwnChains(family).Select(chain => $"{program} chain {chain}"));
            }
        }

        lines.AddRange(present.Take(1).SelectMany(one => one.Found.OwnSets).Select(set => $"set {set}"));
        return lines.ToImmutable();
    }

    private static string MarksText(int count) => $"the mark of {count} {(count == 1 ? "connection" : "connections")}";
}
