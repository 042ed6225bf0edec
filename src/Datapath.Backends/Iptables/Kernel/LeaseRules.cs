using Datapath.Backends.Iptables.Lowering;

namespace Datapath.Backends.Iptables.Kernel;

/// <summary>
/// The rule that tells of a lease, and the way back. Agent and keeper may both end a lease, at the same moment: each change deletes the rule by
/// its exact text in the transaction that switches, so that the second of two is refused as a whole, looks again, and finds what is left to do.
/// </summary>
/// <param name="names">The instance's names.</param>
/// <param name="variant">Of which implementation.</param>
internal sealed class LeaseRules(ObjectNames names, XtablesVariant variant)
{
    private const int Attempts = 5;

    // The family whose transaction decides; the other follows.
    private const int Deciding = 0;

    /// <summary>Lines of a transaction of IPv4 that change what is said of a lease.</summary>
    /// <param name="before">What is there.</param>
    /// <param name="wanted">What ought to be; null for no lease.</param>
    public string Change(InstalledRules before, IptablesLease? wanted)
    {
        bool isThere = before.Tables[Deciding].Chains.Contains(names.LeaseChain);
        string[] present = [.. before.LeaseRules];
        if (wanted is null ? !isThere : present is [var only] && only == wanted.Rule)
        {
            return "";
        }

        string made = isThere ? "" : $"-N {names.LeaseChain}\n";
        string deleted = string.Concat(present.Select(rule => $"-D {names.LeaseChain} {rule}\n"));
        return made + deleted + (wanted is null ? $"-X {names.LeaseChain}\n" : $"-A {names.LeaseChain} {wanted.Rule}\n");
    }

    /// <summary>Takes the lease away, so that what is in force stays.</summary>
    /// <param name="before">What is there.</param>
    /// <returns>False when somebody was quicker and goes back.</returns>
    /// <exception cref="BackendException">Refused.</exception>
    public bool End(InstalledRules before)
    {
        if (before.Lease is not { IsEnding: false })
        {
            return false;
        }

        try
        {
            new Xtables(variant, Family.Both[Deciding]).Restore(Change(before, wanted: null));
            return true;
        }
        catch (BackendException) when (InstalledRules.Read(names, variant).Lease is null or { IsEnding: true })
        {
            return false;
        }
    }

    /// <summary>Goes back, or finishes what somebody else has begun of it.</summary>
    /// <returns>The generation that judges now.</returns>
    /// <exception cref="BackendException">Refused, again and again.</exception>
    public uint FallBack()
    {
        BackendException? refused = null;
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            InstalledRules present = InstalledRules.Read(names, variant);
            if (present.Lease is not { } lease)
            {
                return present.ActiveGeneration;
            }

            try
            {
                GoBack(lease, present);
                return lease.Back;
            }
            catch (BackendException refusal)
            {
                // Perhaps somebody else did the same at the same moment: look again.
                refused = refusal;
            }
        }

        throw refused!;
    }

    private void GoBack(IptablesLease lease, InstalledRules present)
    {
        for (int family = 0; family < Family.Both.Count; family++)
        {
            SwitchBack(family, lease, present);
        }

        InstalledRules after = InstalledRules.Read(names, variant);
        if (!Enumerable.Range(0, Family.Both.Count).All(family => IsBack(family, lease, after)))
        {
            throw new BackendException("somebody changed our jumps while a lease was ended");
        }

        new RuleInstaller(names, variant).RemoveOthers([lease.Back], after);
    }

    private bool IsBack(int family, IptablesLease lease, InstalledRules present) =>
        JumpsOf(present.OwnAnchors(present.Tables[family])).Order(StringComparer.Ordinal).SequenceEqual(JumpsOf(lease.Back).Order(StringComparer.Ordinal));

    private static IEnumerable<string> JumpsOf(IEnumerable<SavedRule> anchors) => anchors.Select(anchor => $"{anchor.Chain} {anchor.Text}");

    private IEnumerable<string> JumpsOf(uint generation) => LoweredFamily.Anchors(names, generation).Select(anchor => $"{anchor.Hook} -j {anchor.Chain}");

    private void SwitchBack(int family, IptablesLease lease, InstalledRules present)
    {
        string claim = family == Deciding ? Change(present, lease with { IsEnding = true }) : "";
        IEnumerable<string> lines = JumpsOf(present.OwnAnchors(present.Tables[family])).Select(jump => $"-D {jump}\n").Concat(JumpsOf(lease.Back).Select(jump => $"-I {jump}\n"));
        string jumps = IsBack(family, lease, present) ? "" : string.Concat(lines);
        if (claim.Length + jumps.Length > 0)
        {
            new Xtables(variant, Family.Both[family]).Restore(claim + jumps);
        }
    }
}
