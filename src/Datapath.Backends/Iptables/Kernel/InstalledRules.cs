using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Datapath.Backends.Iptables.Lowering;

namespace Datapath.Backends.Iptables.Kernel;

/// <summary>What this instance has in the kernel, of one variant.</summary>
/// <param name="Names">The instance's names.</param>
/// <param name="Tables">The mangle tables of IPv4 and IPv6.</param>
/// <param name="SetSizes">Entries of every set, by name.</param>
internal sealed record InstalledRules(ObjectNames Names, ImmutableArray<SavedTable> Tables, ImmutableDictionary<string, int> SetSizes)
{
    private const string Jump = "-j ";

    /// <summary>Looks.</summary>
    /// <param name="names">The instance's names.</param>
    /// <param name="variant">Where.</param>
    /// <exception cref="BackendException">Refused.</exception>
    public static InstalledRules Read(ObjectNames names, XtablesVariant variant)
    {
        // Both families side by side, and the sets meanwhile: a start waits for these programs.
        ImmutableArray<Func<SavedTable>> families = [.. Family.Both.Select(family => new Xtables(variant, family).StartSave())];
        ImmutableDictionary<string, int> sets = ImmutableDictionary<string, int>.Empty;
        BackendException? refused = null;
        try
        {
            sets = IpSets.Sizes();
        }
        catch (BackendException refusal)
        {
            refused = refusal;
        }

        ImmutableArray<SavedTable> tables = Programs.WaitForAll(families);
        return refused is null ? new InstalledRules(names, tables, sets) : throw refused;
    }

    /// <summary>The generation that a hook of IPv4 jumps to; 0 for none.</summary>
    public uint ActiveGeneration => Tables.SelectMany(OwnAnchors).Select(GenerationOf).FirstOrDefault();

    /// <summary>The lease that is pending; null for none.</summary>
    public IptablesLease? Lease => LeaseRules.Select(IptablesLease.Parse).FirstOrDefault(lease => lease is not null);

    /// <summary>The rules of the chain that tells of a lease.</summary>
    public IEnumerable<string> LeaseRules => Tables[0].Rules.Where(rule => rule.Chain == Names.LeaseChain).Select(rule => rule.Text);

    /// <summary>The highest generation that anything of ours has; 0 for none.</summary>
    public uint HighestGeneration =>
        Tables.SelectMany(table => table.Chains).Concat(SetSizes.Keys).Select(name => Names.TryGeneration(name, out uint one) ? one : 0).DefaultIfEmpty().Max();

    /// <summary>Whether there is any chain or set of ours.</summary>
    public bool HasAny => OwnSets.Any() || Enumerable.Range(0, Tables.Length).SelectMany(OwnChains).Any();

    /// <summary>Whether there are chains or sets of ours of other generations.</summary>
    /// <param name="generations">Which are expected.</param>
    public bool HasOthers(IReadOnlyCollection<uint> generations) =>
        Tables.SelectMany(table => table.Chains).Concat(SetSizes.Keys).Any(name => Names.TryGeneration(name, out uint one) && !generations.Contains(one));

    /// <summary>Our chains of a family, of every generation.</summary>
    /// <param name="family">Index of the family.</param>
    public IEnumerable<string> OwnChains(int family) => Tables[family].Chains.Where(chain => chain.StartsWith(Names.Chains, StringComparison.Ordinal));

    /// <summary>Our sets, of every generation.</summary>
    public IEnumerable<string> OwnSets => SetSizes.Keys.Where(set => set.StartsWith(Names.Sets, StringComparison.Ordinal)).Order(StringComparer.Ordinal);

    /// <summary>The rules by which hooks jump to our chains.</summary>
    /// <param name="table">Of which family.</param>
    public IEnumerable<SavedRule> OwnAnchors(SavedTable table) =>
        table.Rules.Where(rule => !rule.Chain.StartsWith(ObjectNames.Prefix, StringComparison.Ordinal) && rule.Text.StartsWith(Jump + Names.Chains, StringComparison.Ordinal));

    /// <summary>What is not as it was applied, one sentence; null when everything is.</summary>
    /// <param name="applied">What was applied.</param>
    /// <param name="isActive">Whether hooks ought to jump to it.</param>
    public string? DamageOf(PlacedPolicy applied, bool isActive) =>
        Enumerable
            .Range(0, applied.Policy.Families.Length)
            .Select(family =>
                (isActive ? DamageOfAnchors(applied.Policy.Families[family], Tables[family], applied.Generation) : null)
                ?? DamageOf(applied.Policy.Families[family], Tables[family], applied.Generation)
            )
            .FirstOrDefault(damage => damage is not null);

    /// <summary>Which policy the chains of a generation say they are; null when they do not.</summary>
    /// <param name="generation">The generation.</param>
    public string? ChecksumOf(uint generation) =>
        Tables
            .SelectMany(table => table.Rules)
            .Where(rule => Names.TryGeneration(rule.Chain, out uint one) && one == generation)
            .Select(rule => RuleNote.In(rule.Text))
            .FirstOrDefault(note => note is not null)
            ?.Checksum;

    /// <summary>Sum of everything that stands in the chains of a generation, as the program printed it.</summary>
    /// <param name="generation">The generation.</param>
    public string Contents(uint generation)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (SavedRule rule in Tables.SelectMany(table => table.Rules).Where(rule => Names.TryGeneration(rule.Chain, out uint one) && one == generation))
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{rule.Chain} {rule.Text}\n"));
        }

        return Convert.ToHexString(hash.GetCurrentHash());
    }

    /// <summary>Which unit is behind which interface, as the chains of a generation say.</summary>
    /// <param name="generation">The generation.</param>
    public IEnumerable<(string Interface, int Unit)> Units(uint generation) =>
        Tables
            .SelectMany(table => table.Rules)
            .Where(rule => Names.TryGeneration(rule.Chain, out uint one) && one == generation)
            .Select(rule => UnitNote.In(rule.Text))
            .OfType<(string, int)>()
            .Distinct();

    /// <summary>What rules have counted, those of earlier generations included.</summary>
    public IEnumerable<RuleCount> Counts() => Enumerable.Range(0, Tables.Length).SelectMany(family => Counts(family, _ => true));

    /// <summary>What the rules of some chains have counted.</summary>
    /// <param name="family">Index of the family.</param>
    /// <param name="isWanted">Which chains of ours.</param>
    public IEnumerable<RuleCount> Counts(int family, Predicate<string> isWanted) => CountedRules.Of(Tables[family].Rules, Names, isWanted);

    private uint GenerationOf(SavedRule anchor) => Names.TryGeneration(anchor.Text[Jump.Length..], out uint generation) ? generation : 0;

    private string? DamageOfAnchors(LoweredFamily family, SavedTable table, uint generation)
    {
        string name = ProgramOf(family);
        foreach ((string hook, string chain) in family.Anchors(generation))
        {
            // Whoever stands before us could pass a packet that we never see; only other instances may.
            IEnumerable<SavedRule> first = table.Rules.Where(rule => rule.Chain == hook).SkipWhile(IsAnchorOfAnotherInstance);
            if (first.FirstOrDefault()?.Text != Jump + chain)
            {
                return $"{name}: the jump of {hook} is not where it was";
            }
        }

        return null;
    }

    private string? DamageOf(LoweredFamily family, SavedTable table, uint generation)
    {
        string name = ProgramOf(family);
        var counts = table.Rules.GroupBy(rule => rule.Chain, StringComparer.Ordinal).ToDictionary(rules => rules.Key, rules => rules.Count(), StringComparer.Ordinal);
        foreach ((string chain, int rules) in family.Shape(generation))
        {
            if (counts.GetValueOrDefault(chain) != rules)
            {
                return $"{name}: chain {chain} has {counts.GetValueOrDefault(chain)} rules instead of {rules}";
            }
        }

        string set = Names.Set(generation, family.Family.IsIPv6);
        return SetSizes.TryGetValue(set, out int entries) && entries == family.Prefixes.Count ? null : $"ipset: {set} is not as it was";
    }

    private static string ProgramOf(LoweredFamily family) => family.Family.IsIPv6 ? "ip6tables" : "iptables";

    private bool IsAnchorOfAnotherInstance(SavedRule rule) =>
        rule.Text.StartsWith(Jump + ObjectNames.Prefix, StringComparison.Ordinal) && !rule.Text.StartsWith(Jump + Names.Chains, StringComparison.Ordinal);
}
