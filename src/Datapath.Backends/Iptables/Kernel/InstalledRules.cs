using System.Collections.Immutable;
using System.Globalization;
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
    public static InstalledRules Read(ObjectNames names, XtablesVariant variant) =>
        new(names, [.. Family.Both.Select(family => new Xtables(variant, family).Save())], IpSets.Sizes());

    /// <summary>The generation that a hook of IPv4 jumps to; 0 for none.</summary>
    public uint ActiveGeneration => Tables.SelectMany(OwnAnchors).Select(GenerationOf).FirstOrDefault();

    /// <summary>The highest generation that anything of ours has; 0 for none.</summary>
    public uint HighestGeneration =>
        Tables.SelectMany(table => table.Chains).Concat(SetSizes.Keys).Select(name => Names.TryGeneration(name, out uint one) ? one : 0).DefaultIfEmpty().Max();

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
    /// <param name="policy">What was applied.</param>
    /// <param name="generation">As which generation.</param>
    public string? DamageOf(LoweredPolicy policy, uint generation) =>
        Enumerable.Range(0, policy.Families.Length).Select(family => DamageOf(policy.Families[family], Tables[family], generation)).FirstOrDefault(damage => damage is not null);

    /// <summary>Which policy the chains of a generation say they are; null when they do not.</summary>
    /// <param name="generation">The generation.</param>
    public string? ChecksumOf(uint generation) =>
        Tables
            .SelectMany(table => table.Rules)
            .Where(rule => Names.TryGeneration(rule.Chain, out uint one) && one == generation)
            .Select(rule => RuleNote.In(rule.Text))
            .FirstOrDefault(note => note is not null)
            ?.Checksum;

    /// <summary>Which unit is behind which interface, as the chains of a generation say.</summary>
    /// <param name="generation">The generation.</param>
    public IEnumerable<(string Interface, int Unit)> Units(uint generation) =>
        Tables
            .SelectMany(table => table.Rules)
            .Where(rule => Names.TryGeneration(rule.Chain, out uint one) && one == generation)
            .Select(rule => UnitNote.In(rule.Text))
            .OfType<(string, int)>()
            .Distinct();

    /// <summary>What rules have counted, by rule index.</summary>
    /// <param name="isWanted">Which generations.</param>
    public IEnumerable<(int Rule, PacketCount Count)> Counts(Func<uint, bool> isWanted) =>
        from rule in Tables.SelectMany(table => table.Rules)
        where rule.Packets > 0 && Names.TryGeneration(rule.Chain, out uint generation) && isWanted(generation)
        let index = CountedRule(rule.Text)
        where index > 0
        select (index, new PacketCount(rule.Packets, rule.Bytes));

    private static int CountedRule(string text)
    {
        const string Mark = "-m comment --comment " + LeafChains.CountMark;
        return text.StartsWith(Mark, StringComparison.Ordinal)
            && int.TryParse(text.AsSpan(Mark.Length, text.IndexOf(' ', Mark.Length) - Mark.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int index)
            ? index
            : 0;
    }

    private uint GenerationOf(SavedRule anchor) => Names.TryGeneration(anchor.Text[Jump.Length..], out uint generation) ? generation : 0;

    private string? DamageOf(LoweredFamily family, SavedTable table, uint generation)
    {
        string name = family.Family.IsIPv6 ? "ip6tables" : "iptables";
        foreach ((string hook, string chain) in family.Anchors(generation))
        {
            // Whoever stands before us could pass a packet that we never see; only other instances may.
            IEnumerable<SavedRule> first = table.Rules.Where(rule => rule.Chain == hook).SkipWhile(IsAnchorOfAnotherInstance);
            if (first.FirstOrDefault()?.Text != Jump + chain)
            {
                return $"{name}: the jump of {hook} is not where it was";
            }
        }

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

    private bool IsAnchorOfAnotherInstance(SavedRule rule) =>
        rule.Text.StartsWith(Jump + ObjectNames.Prefix, StringComparison.Ordinal) && !rule.Text.StartsWith(Jump + Names.Chains, StringComparison.Ordinal);
}
