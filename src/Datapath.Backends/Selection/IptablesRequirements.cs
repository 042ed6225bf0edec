using System.Collections.Immutable;

namespace Datapath.Backends.Selection;

/// <summary>What the iptables backend needs: programs, and parts of netfilter.</summary>
internal static class IptablesRequirements
{
    /// <summary>Module, what the configuration calls it.</summary>
    private static readonly ImmutableArray<(string Module, string Option)> Common =
    [
        ("ip_set", "IP_SET"),
        ("ip_set_hash_net", "IP_SET_HASH_NET"),
        ("nf_conntrack", "NF_CONNTRACK"),
        ("nf_conntrack_netlink", "NF_CT_NETLINK"),
        ("nfnetlink_log", "NETFILTER_NETLINK_LOG"),
        ("xt_set", "NETFILTER_XT_SET"),
        ("xt_NFLOG", "NETFILTER_XT_TARGET_NFLOG"),
        ("xt_addrtype", "NETFILTER_XT_MATCH_ADDRTYPE"),
        ("xt_comment", "NETFILTER_XT_MATCH_COMMENT"),
        ("xt_connmark", "NETFILTER_XT_CONNMARK"),
        ("xt_conntrack", "NETFILTER_XT_MATCH_CONNTRACK"),
        ("xt_hl", "NETFILTER_XT_MATCH_HL"),
        ("xt_limit", "NETFILTER_XT_MATCH_LIMIT"),
        ("xt_mark", "NETFILTER_XT_MARK"),
        ("xt_multiport", "NETFILTER_XT_MATCH_MULTIPORT"),
    ];

    private static readonly ImmutableArray<(string Module, string Option)> OfNft = [("nf_tables", "NF_TABLES"), ("nft_compat", "NFT_COMPAT")];

    private static readonly ImmutableArray<(string Module, string Option)> OfLegacy =
    [
        ("ip_tables", "IP_NF_IPTABLES"),
        ("iptable_mangle", "IP_NF_MANGLE"),
        ("ip6_tables", "IP6_NF_IPTABLES"),
        ("ip6table_mangle", "IP6_NF_MANGLE"),
    ];

    private static readonly ImmutableArray<string> Tools =
        ["iptables-restore", "iptables-save", "ip6tables-restore", "ip6tables-save", "ipset"];

    /// <summary>Every program that is looked for.</summary>
    public static ImmutableArray<string> Programs { get; } = [.. Tools, "iptables", "iptables-nft", "iptables-legacy"];

    /// <summary>Judges them.</summary>
    /// <param name="facts">What was looked at.</param>
    public static IEnumerable<Requirement> Of(SystemFacts facts)
    {
        foreach (string tool in Tools)
        {
            yield return Tool(facts, tool);
        }

        string? variant = Variant(facts);
        yield return VariantRow(facts, variant);
        foreach ((string module, string option) in Common.Concat(variant == "legacy" ? OfLegacy : OfNft))
        {
            yield return Module(facts, module, option, RequirementLevel.Needed);
        }

        yield return Module(facts, "br_netfilter", "BRIDGE_NETFILTER", RequirementLevel.Useful);
        yield return Module(facts, "xt_cgroup", "NETFILTER_XT_MATCH_CGROUP", RequirementLevel.Useful);
    }

    /// <summary>Whether a module is in the kernel already.</summary>
    /// <param name="facts">What is known of the kernel's parts.</param>
    /// <param name="module">One that rules need.</param>
    public static bool IsInUse(ModuleFacts facts, string module) =>
        Common.Concat(OfNft).Concat(OfLegacy).Where(one => one.Module == module).Any(one => facts.IsInUse(module, one.Option) || facts.IsInUse(module, $"{one.Option}_LEGACY"));

    private static Requirement Tool(SystemFacts facts, string name)
    {
        string? path = facts.Programs.GetValueOrDefault(name);
        return new Requirement(
            name,
            name,
            RequirementScope.Iptables,
            RequirementLevel.Needed,
            path is null ? Finding.Missing : Finding.Found,
            path ?? "no such program",
            Remedy: path is not null ? null
                : facts.Packages.InstallProgram(name)
        );
    }

    // What a link leads to, never the program's own word: started, the legacy one would make the table that it is asked about.
    private static string? Variant(SystemFacts facts) =>
        facts.Programs.GetValueOrDefault("iptables") is not { } path ? null
        : Path.GetFileName(path) is var name && name.Contains("nft", StringComparison.Ordinal) ? "nft"
        : name.Contains("legacy", StringComparison.Ordinal) || name is "xtables-multi" or "iptables" ? "legacy"
        : null;

    private static Requirement VariantRow(SystemFacts facts, string? variant)
    {
        string other = variant == "nft" ? "iptables-legacy" : "iptables-nft";
        string also = facts.Programs.ContainsKey(other) ? $"; {other} is there too" : "";
        string tables = facts.LegacyTables.IsEmpty ? "" : $"; tables of the legacy one in this namespace: {string.Join(' ', facts.LegacyTables)}";
        return new Requirement(
            "iptables-variant",
            "variant of iptables",
            RequirementScope.Iptables,
            RequirementLevel.Information,
            variant is null ? Finding.CouldNotTell : Finding.Found,
            (variant is null ? "no iptables that is known" : $"{variant} ({facts.Programs["iptables"]})") + also + tables
        );
    }

    private static Requirement Module(SystemFacts facts, string module, string option, RequirementLevel level)
    {
        // Linux 6.17 moved the legacy tables behind options of their own.
        (Finding finding, string evidence) = facts.Modules.Find(module, option, $"{option}_LEGACY");
        return new Requirement(
            module.Replace('_', '-').ToLowerInvariant(),
            module,
            RequirementScope.Iptables,
            level,
            finding,
            evidence,
            Remedy: finding switch
            {
                Finding.Found => null,
                Finding.Missing => facts.Packages.MendModules(facts.KernelRelease, facts.Modules.IsClosed, module),
                _ => $"modprobe {module}",
            }
        );
    }
}
