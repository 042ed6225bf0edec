using System.Collections.Immutable;
using Datapath.Backends.Host;

namespace Datapath.Backends.Iptables.Kernel;

/// <summary>The modules that our rules need, each with what the kernel's configuration calls it.</summary>
internal static class RuleModules
{
    private static readonly ImmutableArray<(string Module, string Option)> Common =
    [
        ("ip_set", "IP_SET"),
        ("ip_set_hash_net", "IP_SET_HASH_NET"),
        ("nf_conntrack", "NF_CONNTRACK"),
        ("nf_conntrack_netlink", "NF_CT_NETLINK"),
        ("nfnetlink_log", "NETFILTER_NETLINK_LOG"),
        ("xt_set", "NETFILTER_XT_SET"),
        ("xt_tcpudp", "NETFILTER_XTABLES"),
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

    /// <summary>What rules of units that are cgroups need besides.</summary>
    public static (string Module, string Option) OfCgroups { get; } = ("xt_cgroup", "NETFILTER_XT_MATCH_CGROUP");

    private static readonly ImmutableArray<(string Module, string Option)> OfNft = [("nf_tables", "NF_TABLES"), ("nft_compat", "NFT_COMPAT")];

    private static readonly ImmutableArray<(string Module, string Option)> OfLegacy =
    [
        ("ip_tables", "IP_NF_IPTABLES"),
        ("iptable_mangle", "IP_NF_MANGLE"),
        ("ip6_tables", "IP6_NF_IPTABLES"),
        ("ip6table_mangle", "IP6_NF_MANGLE"),
    ];

    /// <summary>All modules that rules of a variant need.</summary>
    /// <param name="variant">Which implementation.</param>
    public static ImmutableArray<(string Module, string Option)> Of(XtablesVariant variant) => Common.AddRange(variant == XtablesVariant.Nft ? OfNft : OfLegacy);

    /// <summary>What some policies and kernels need and others do not have: whoever lacks one of them hears of it from the program.</summary>
    /// <param name="variant">Which implementation.</param>
    public static ImmutableArray<string> Perhaps(XtablesVariant variant) =>
        // The match of ICMP stood in those of the legacy tables before Linux 6.4, for either variant; without tables of their own they change nothing.
        variant == XtablesVariant.Nft ? [OfCgroups.Module, "ip_tables", "ip6_tables"] : [];

    /// <summary>Whether a variant cannot be, for want of tables of its own.</summary>
    /// <param name="facts">What is known of the kernel's parts.</param>
    /// <param name="variant">Which implementation.</param>
    public static bool IsAbsent(ModuleFacts facts, XtablesVariant variant) =>
        // Linux 6.17 moved the legacy tables behind options of their own.
        (variant == XtablesVariant.Nft ? OfNft : OfLegacy).Any(one => facts.Find(one.Module, one.Option, $"{one.Option}_LEGACY").IsThere == false);

    /// <summary>Whether a module is in the kernel already.</summary>
    /// <param name="facts">What is known of the kernel's parts.</param>
    /// <param name="module">One that rules need.</param>
    public static bool IsInUse(ModuleFacts facts, string module) =>
        Common.Concat(OfNft).Concat(OfLegacy).Where(one => one.Module == module).Any(one => facts.IsInUse(module, one.Option) || facts.IsInUse(module, $"{one.Option}_LEGACY"));
}
