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
    /// <param name="policy">The policy.</param>
    /// <param name="generation">Its generation, which nothing in the kernel has.</param>
    /// <param name="before">What was there before.</param>
    /// <exception cref="BackendException">Refused; what was in force still is.</exception>
    public void Install(LoweredPolicy policy, uint generation, InstalledRules before)
    {
        try
        {
            IpSets.Restore(string.Concat(policy.Families.Select(family => family.Set(names, generation))));
            for (int family = 0; family < policy.Families.Length; family++)
            {
                Switch(policy, policy.Families[family], before, before.Tables[family], generation);
            }
        }
        catch (BackendException)
        {
            Undo(before);
            throw;
        }
    }

    /// <summary>Takes away the chains and sets of all generations but one.</summary>
    /// <param name="kept">Which stays; 0 for none.</param>
    /// <param name="present">What is there.</param>
    /// <exception cref="BackendException">Refused.</exception>
    public void RemoveOthers(uint kept, InstalledRules present)
    {
        RemoveChains(kept, present);
        RemoveSets(kept, present);
    }

    /// <summary>Takes away the chains of all generations but one, and what jumps to them.</summary>
    /// <param name="kept">Which stays; 0 for none.</param>
    /// <param name="present">What is there.</param>
    /// <exception cref="BackendException">Refused.</exception>
    public void RemoveChains(uint kept, InstalledRules present)
    {
        bool IsOld(string name) => !names.TryGeneration(name, out uint generation) || generation != kept;
        for (int family = 0; family < Family.Both.Count; family++)
        {
            string[] chains = [.. present.OwnChains(family).Where(IsOld)];
            SavedRule[] anchors = [.. present.OwnAnchors(present.Tables[family]).Where(anchor => IsOld(anchor.Text["-j ".Length..]))];
            if (chains.Length > 0 || anchors.Length > 0)
            {
                // Chains lead to each other: all are emptied before the first goes.
                string text = Lines(anchors.Select(anchor => $"-D {anchor.Chain} {anchor.Text}")) + Lines(chains.Select(chain => $"-F {chain}")) + Lines(chains.Select(chain => $"-X {chain}"));
                new Xtables(variant, Family.Both[family]).Restore(text);
            }
        }
    }

    /// <summary>Takes away the sets of all generations but one.</summary>
    /// <param name="kept">Which stays; 0 for none.</param>
    /// <param name="present">What is there.</param>
    /// <exception cref="BackendException">Refused, because a rule uses one.</exception>
    public void RemoveSets(uint kept, InstalledRules present)
    {
        foreach (string set in present.OwnSets.Where(set => !names.TryGeneration(set, out uint generation) || generation != kept))
        {
            IpSets.Destroy(set);
        }
    }

    private void Switch(LoweredPolicy policy, LoweredFamily family, InstalledRules before, SavedTable table, uint generation)
    {
        var text = new StringBuilder(family.Chains(names, generation, policy.Checksum));
        text.Append(Lines(before.OwnAnchors(table).Select(anchor => $"-D {anchor.Chain} {anchor.Text}")));
        text.Append(Lines(family.Anchors(generation).Select(anchor => $"-I {anchor.Hook} 1 -j {anchor.Chain}")));
        new Xtables(variant, family.Family).Restore(text.ToString());
    }

    // A family that was switched is switched back: its old chains are still there.
    private void Undo(InstalledRules before)
    {
        InstalledRules present = InstalledRules.Read(names, variant);
        for (int family = 0; family < Family.Both.Count; family++)
        {
            string[] now = [.. present.OwnAnchors(present.Tables[family]).Select(anchor => $"{anchor.Chain} {anchor.Text}")];
            string[] then = [.. before.OwnAnchors(before.Tables[family]).Select(anchor => $"{anchor.Chain} {anchor.Text}")];
            if (!now.SequenceEqual(then))
            {
                string back = Lines(now.Select(anchor => $"-D {anchor}")) + Lines(then.Select(anchor => $"-I {anchor}"));
                new Xtables(variant, Family.Both[family]).Restore(back);
            }
        }

        RemoveOthers(before.ActiveGeneration, InstalledRules.Read(names, variant));
    }

    private static string Lines(IEnumerable<string> lines) => string.Concat(lines.Select(line => line + "\n"));
}
