using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Datapath.Backends.Iptables.Lowering;

/// <summary>A policy as iptables and ipset take it, but for its generation.</summary>
/// <param name="Names">The instance's names.</param>
/// <param name="IPv4">For iptables.</param>
/// <param name="IPv6">For ip6tables.</param>
internal sealed record LoweredPolicy(ObjectNames Names, LoweredFamily IPv4, LoweredFamily IPv6)
{
    private const int ChecksumBytes = 8;

    /// <summary>Tells policies apart that judge differently, whatever their generations.</summary>
    public string Checksum { get; } = ChecksumOf([IPv4, IPv6]);

    /// <summary>Both families, in the order in which they are written.</summary>
    public ImmutableArray<LoweredFamily> Families => [IPv4, IPv6];

    private static string ChecksumOf(IEnumerable<LoweredFamily> families)
    {
        string text = string.Concat(families.Select(family => family.Chains(family.Names, 0, "") + family.Set(family.Names, 0)));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, ChecksumBytes));
    }
}

/// <summary>One family of a lowered policy.</summary>
/// <param name="Names">The instance's names.</param>
/// <param name="Family">Which family.</param>
/// <param name="Prefixes">The set of classes.</param>
/// <param name="Layout">How marks are used.</param>
internal sealed record LoweredFamily(ObjectNames Names, Family Family, IReadOnlyList<ClassPrefix> Prefixes, MarkLayout Layout)
{
    // Twice the entries in buckets of up to 12: the set does not have to grow while it is filled.
    private const int SmallestHash = 64;
    private const int Notes = 1;

    // More chains than there is memory for, in as many digits as a name has room for.
    private const int NumberOfFirst = 9_999_999;
    private const string InputPart = "pre";
    private const string OutputPart = "post";

    /// <summary>The numbered chains.</summary>
    public required IReadOnlyList<ImmutableArray<ChainRule>> Numbered { get; init; }

    /// <summary>Asked at PREROUTING.</summary>
    public required ImmutableArray<ChainRule> Input { get; init; }

    /// <summary>Asked at POSTROUTING.</summary>
    public required ImmutableArray<ChainRule> Output { get; init; }

    /// <summary>The two hooks and the chain that each jumps to.</summary>
    /// <param name="generation">Of which generation.</param>
    public ImmutableArray<(string Hook, string Chain)> Anchors(uint generation) => Anchors(Names, generation);

    /// <summary>The same of any policy: which chains hooks jump to does not depend on it.</summary>
    /// <param name="names">The instance's names.</param>
    /// <param name="generation">Of which generation.</param>
    public static ImmutableArray<(string Hook, string Chain)> Anchors(ObjectNames names, uint generation) =>
        [("PREROUTING", names.Chain(generation, InputPart)), ("POSTROUTING", names.Chain(generation, OutputPart))];

    /// <summary>The chains as lines of <c>iptables-restore</c>, without table and commit.</summary>
    /// <param name="names">How chains are named.</param>
    /// <param name="generation">The generation to give them.</param>
    /// <param name="checksum">Stands at the end of the chains that hooks jump to, for whoever comes later.</param>
    public string Chains(ObjectNames names, uint generation, string checksum)
    {
        var text = new StringBuilder();
        for (int number = 0; number < Numbered.Count; number++)
        {
            Write(text, names, generation, Part(number), Numbered[number]);
        }

        Write(text, names, generation, InputPart, WithNote(Input, names, checksum));
        Write(text, names, generation, OutputPart, WithNote(Output, names, checksum));
        return text.ToString();
    }

    /// <summary>How many rules each chain has, by name.</summary>
    /// <param name="generation">Of which generation.</param>
    public IEnumerable<(string Chain, int Rules)> Shape(uint generation) =>
        Numbered
            .Select((rules, number) => (Names.Chain(generation, Part(number)), rules.Length))
            .Append((Names.Chain(generation, InputPart), Input.Length + Notes))
            .Append((Names.Chain(generation, OutputPart), Output.Length + Notes));

    /// <summary>The set of classes as lines of <c>ipset restore</c>.</summary>
    /// <param name="names">How sets are named.</param>
    /// <param name="generation">The generation to give it.</param>
    public string Set(ObjectNames names, uint generation)
    {
        string name = names.Set(generation, Family.IsIPv6);
        int hashSize = Math.Max(SmallestHash, (int)uint.Min(1 << 20, System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Prefixes.Count)));
        var text = new StringBuilder();
        text.Append(
            CultureInfo.InvariantCulture,
            $"create {name} hash:net family {Family.SetFamily} hashsize {hashSize} maxelem {Math.Max(1, Prefixes.Count)} skbinfo\n"
        );
        foreach (ClassPrefix prefix in Prefixes)
        {
            text.Append(CultureInfo.InvariantCulture, $"add {name} {AddressText.Of(prefix, Family)} skbmark ");
            text.Append(CultureInfo.InvariantCulture, $"{MarkLayout.Hexadecimal(Layout.MarkOf(prefix.Id))}/{MarkLayout.Hexadecimal(Layout.Used)}\n");
        }

        return text.ToString();
    }

    // Names descend: iptables-restore of nf_tables keeps those that it has read in order, and for each line walks to where the name stands (cache_chain_list_insert of
    // iptables/nft-cache.c). A chain leads to chains before it, mostly the last ones; they are where the walk begins.
    private static string Part(int number) => (NumberOfFirst - number).ToString(CultureInfo.InvariantCulture);

    // The note is the last rule: what it costs, those pay whom no judge is asked about.
    private static ImmutableArray<ChainRule> WithNote(ImmutableArray<ChainRule> rules, ObjectNames names, string checksum) =>
        [.. rules, ChainRule.Return($"-m comment --comment \"{RuleNote.Of(names.Instance, checksum)}\" ")];

    private void Write(StringBuilder text, ObjectNames names, uint generation, string part, ImmutableArray<ChainRule> rules)
    {
        string chain = names.Chain(generation, part);
        text.Append(':').Append(chain).Append(" - [0:0]\n");
        foreach (ChainRule rule in rules)
        {
            string action = rule.Action
                .Replace(ChainRule.GenerationMark, generation.ToString("x", CultureInfo.InvariantCulture), StringComparison.Ordinal)
                .Replace(ChainRule.SetMark, names.Set(generation, Family.IsIPv6), StringComparison.Ordinal);
            text.Append("-A ").Append(chain).Append(' ').Append(rule.Matches).Append(action);
            if (rule.Target >= 0)
            {
                text.Append(' ').Append(names.Chain(generation, Part(rule.Target)));
            }

            text.Append('\n');
        }
    }
}
