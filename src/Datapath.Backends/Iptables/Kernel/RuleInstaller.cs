using System.Text;
using Datapath.Backends.Iptables.Lowering;

namespace Datapath.Backends.Iptables.Kernel;

/// <summary>
/// Puts a policy beside the one in force, replaces the jump of each hook, then takes away what nobody asks any more. A packet is judged at
/// each hook by one generation; families switch one after the other.
/// </summary>
/// <param name="names">The instance's names.</param>
/// <param name="variant">Of which implementation.</param>
internal sealed class RuleInstaller(ObjectNames names, XtablesVariant variant)
{
    /// <summary>Makes the kernel judge by a policy.</summary>
    /// <param name="target">What is to be there; its new generations are none that the kernel has.</param>
    /// <param name="before">What was there before.</param>
    /// <exception cref="BackendException">Refused; what was in force still is.</exception>
    public void Install(Installation target, InstalledRules before)
    {
        try
        {
            string sets = string.Concat(target.New.SelectMany(one => one.Policy.Families.Select(family => family.Set(names, one.Generation))));
            if (sets.Length > 0)
            {
                IpSets.Restore(sets);
            }

            for (int family = 0; family < Family.Both.Count; family++)
            {
                Switch(target, family, before);
            }
        }
        catch (BackendException)
        {
            Undo(before);
            throw;
        }
    }

    /// <summary>Takes away the chains and sets of all generations but some.</summary>
    /// <param name="kept">Which stay. What is said of a lease stays with two of them: the one that judges and the one to go back to.</param>
    /// <param name="present">What is there.</param>
    /// <exception cref="BackendException">Refused.</exception>
    public void RemoveOthers(ReadOnlySpan<uint> kept, InstalledRules present)
    {
        RemoveChains(kept, present);
        RemoveSets(kept, present);
    }

    /// <summary>Takes away the chains of all generations but some, and what jumps to them.</summary>
    /// <param name="kept">Which stay.</param>
    /// <param name="present">What is there.</param>
    /// <exception cref="BackendException">Refused.</exception>
    public void RemoveChains(ReadOnlySpan<uint> kept, InstalledRules present)
    {
        HashSet<uint> staying = [.. kept];
        bool IsOld(string name) =>
            names.TryGeneration(name, out uint generation) ? !staying.Contains(generation)
            : name == names.TotalsChain || name == names.AccountsChain ? staying.Count == 0
            : name != names.LeaseChain || staying.Count < 2;
        for (int family = 0; family < Family.Both.Count; family++)
        {
            // Descending, as they were made (LoweredFamily).
            string[] chains = [.. present.OwnChains(family).Where(IsOld).OrderDescending(StringComparer.Ordinal)];
            SavedRule[] anchors = [.. present.OwnAnchors(present.Tables[family]).Where(anchor => IsOld(anchor.Text["-j ".Length..]))];
            if (chains.Length > 0 || anchors.Length > 0)
            {
                // What they counted stays, in the same transaction. Chains lead to each other: all are emptied before the first goes.
                string totals = staying.Count == 0 ? "" : new RuleTotals(names).Keep(present.Counts(family, chain => chain == names.TotalsChain || IsOld(chain)));
                string text = totals + Lines(anchors.Select(anchor => $"-D {anchor.Chain} {anchor.Text}")) + Lines(chains.Select(chain => $"-F {chain}")) + Lines(chains.Select(chain => $"-X {chain}"));
                new Xtables(variant, Family.Both[family]).Restore(text);
            }
        }
    }

    /// <summary>Takes away the sets of all generations but some.</summary>
    /// <param name="kept">Which stay.</param>
    /// <param name="present">What is there.</param>
    /// <exception cref="BackendException">Refused, because a rule uses one.</exception>
    public void RemoveSets(ReadOnlySpan<uint> kept, InstalledRules present)
    {
        HashSet<uint> staying = [.. kept];
        BackendException? first = null;
        foreach (string set in present.OwnSets.Where(set => !names.TryGeneration(set, out uint generation) || !staying.Contains(generation)))
        {
            try
            {
                IpSets.Destroy(set);
            }
            catch (BackendException refusal)
            {
                // The others go all the same.
                first ??= refusal;
            }
        }

        if (first is not null)
        {
            throw first;
        }
    }

    private void Switch(Installation target, int family, InstalledRules before)
    {
        var text = new StringBuilder();
        foreach (PlacedPolicy one in target.New)
        {
            text.Append(one.Policy.Families[family].Chains(names, one.Generation, one.Policy.Checksum));
        }

        text.Append(Lines(before.OwnAnchors(before.Tables[family]).Select(anchor => $"-D {anchor.Chain} {anchor.Text}")));
        text.Append(Lines(LoweredFamily.Anchors(names, target.Active.Generation).Select(anchor => $"-I {anchor.Hook} 1 -j {anchor.Chain}")));
        if (family == 0)
        {
            // With the first switch, so that no policy on trial is ever in force without its end.
            text.Append(new LeaseRules(names, variant).Change(before, target.Lease));
        }

        new Xtables(variant, Family.Both[family]).Restore(text.ToString());
    }

    // A family that was switched is switched back: its old chains are still there. Unless somebody ends the lease meanwhile: what there was before
    // is no more, and whoever ends it takes our chains away.
    private void Undo(InstalledRules before)
    {
        InstalledRules present = InstalledRules.Read(names, variant);
        if (before.Lease is { IsEnding: false } && present.Lease is null or { IsEnding: true })
        {
            return;
        }

        for (int family = 0; family < Family.Both.Count; family++)
        {
            string lease = family == 0 ? new LeaseRules(names, variant).Change(present, before.Lease) : "";
            string[] now = [.. present.OwnAnchors(present.Tables[family]).Select(anchor => $"{anchor.Chain} {anchor.Text}")];
            string[] then = [.. before.OwnAnchors(before.Tables[family]).Select(anchor => $"{anchor.Chain} {anchor.Text}")];
            if (!now.SequenceEqual(then) || lease.Length > 0)
            {
                string back = Lines(now.Select(anchor => $"-D {anchor}")) + Lines(then.Select(anchor => $"-I {anchor}")) + lease;
                new Xtables(variant, Family.Both[family]).Restore(back);
            }
        }

        uint[] kept = before.Lease is { } pending ? [before.ActiveGeneration, pending.Back] : before.HasAny ? [before.ActiveGeneration] : [];
        RemoveOthers(kept, InstalledRules.Read(names, variant));
    }

    private static string Lines(IEnumerable<string> lines) => string.Concat(lines.Select(line => line + "\n"));
}
