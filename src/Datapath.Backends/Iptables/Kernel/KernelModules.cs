using System.Collections.Immutable;

namespace Datapath.Backends.Iptables.Kernel;

/// <summary>
/// The modules that our rules need. The kernel loads most of them by itself when a rule asks; where it may not, in a container or with
/// an unusual modprobe configuration, we ask by name.
/// </summary>
internal static class KernelModules
{
    private static readonly ImmutableArray<string> Common =
    [
        "ip_set", "ip_set_hash_net", "xt_set", "xt_conntrack", "xt_connmark", "xt_mark", "xt_addrtype", "xt_comment", "xt_limit", "xt_multiport", "xt_hl",
        "xt_NFLOG", "nfnetlink_log", "nf_conntrack_netlink",
    ];

    private static readonly ImmutableArray<string> LegacyOnly = ["ip_tables", "iptable_mangle", "ip6_tables", "ip6table_mangle"];
    private static readonly ImmutableArray<string> NftOnly = ["nf_tables", "nft_compat"];

    /// <summary>What a service loads before the agent starts. Not those of the legacy variant: where it is not used, its tables would be there unasked.</summary>
    public static ImmutableArray<string> OfService => [.. Common, .. NftOnly];

    /// <summary>Asks for every module that is not loaded.</summary>
    /// <param name="variant">For which implementation.</param>
    /// <returns>Those that could not be had, and are not part of the kernel either.</returns>
    public static ImmutableArray<string> LoadMissing(XtablesVariant variant) =>
        [.. Common.AddRange(variant == XtablesVariant.Nft ? NftOnly : LegacyOnly).Where(name => !Directory.Exists($"/sys/module/{name}") && !Load(name))];

    private static bool Load(string name)
    {
        try
        {
            // Succeeds also for what is built in.
            return Programs.Run("modprobe", "kmod", ["-q", name]) is { ExitCode: 0 };
        }
        catch (BackendException)
        {
            // No modprobe: then nothing is loaded, which is what the answer says.
            return false;
        }
    }
}
