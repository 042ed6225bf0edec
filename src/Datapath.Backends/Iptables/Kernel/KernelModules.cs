using System.Collections.Immutable;
using Datapath.Backends.Host;
using Datapath.Backends.Selection;

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
    public static ImmutableArray<string> LoadMissing(XtablesVariant variant)
    {
        ImmutableArray<string> refused = [.. Of(variant).Where(name => !Directory.Exists($"/sys/module/{name}") && !Load(name))];
        if (refused.IsEmpty)
        {
            return refused;
        }

        // Parts of the kernel with nothing to set are not below /sys/module, and where there is no modprobe nobody vouched for them.
        ModuleFacts facts = SystemFactsReader.ReadModules(Setting("osrelease"));
        return [.. refused.Where(name => !IptablesRequirements.IsInUse(facts, name))];
    }

    /// <summary>All modules that rules of a variant need.</summary>
    /// <param name="variant">Which implementation.</param>
    public static ImmutableArray<string> Of(XtablesVariant variant) => Common.AddRange(variant == XtablesVariant.Nft ? NftOnly : LegacyOnly);

    /// <summary>What to say of modules that are not to be had, with what mends it here.</summary>
    /// <param name="missing">Which, one at least.</param>
    public static string Complaint(ImmutableArray<string> missing) =>
        $"these kernel modules cannot be loaded: {string.Join(", ", missing)}: {PackageAdvice.OfHost().MendModules(Setting("osrelease"), Setting("modules_disabled") == "1", missing.AsSpan())}";

    // A kernel without modules has no switch that closes it to them.
    private static string Setting(string name) => File.Exists($"/proc/sys/kernel/{name}") ? File.ReadAllText($"/proc/sys/kernel/{name}").Trim() : "";

    private static bool Load(string name)
    {
        try
        {
            // Succeeds also for what is built in.
            return Programs.Run("modprobe", ["-q", name]) is { ExitCode: 0 };
        }
        catch (BackendException)
        {
            // No modprobe: then nothing is loaded, which is what the answer says.
            return false;
        }
    }
}
