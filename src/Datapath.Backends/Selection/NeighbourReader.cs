using System.Collections.Immutable;
using Datapath.Backends.Host;
using Datapath.Backends.Iptables;
using Datapath.Interop;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Netlink;
using Datapath.Interop.Processes;

namespace Datapath.Backends.Selection;

/// <summary>Looks for what others have on this host, in the network namespace of the calling thread.</summary>
internal static class NeighbourReader
{
    /// <summary>What our programs and filters are called.</summary>
    private const string OwnPrefix = "dp_";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // iptables-persistent of Debian, iptables-services of RHEL, and what Arch, Alpine and Gentoo have.
    private static readonly ImmutableArray<string> SavedRules =
    [
        "/etc/iptables/rules.v4",
        "/etc/iptables/rules.v6",
        "/etc/sysconfig/iptables",
        "/etc/sysconfig/ip6tables",
        "/etc/iptables/iptables.rules",
        "/etc/iptables/ip6tables.rules",
        "/etc/iptables/rules-save",
        "/etc/iptables/rules6-save",
        "/var/lib/iptables/rules-save",
        "/var/lib/ip6tables/rules-save",
    ];

    private static readonly ImmutableArray<string> NftSavers = ["iptables-nft-save", "ip6tables-nft-save"];
    private static readonly ImmutableArray<string> LegacySavers = ["iptables-legacy-save", "ip6tables-legacy-save"];

    /// <summary>Looks.</summary>
    /// <param name="modules">The kernel's parts: what is not in use yet is not asked, because the question would load it.</param>
    /// <param name="legacyTables">Tables of the legacy iptables.</param>
    public static NeighbourFacts Read(ModuleFacts modules, ImmutableArray<string> legacyTables) =>
        new()
        {
            Processes = ReadProcesses(),
            TrafficPrograms = ReadTrafficPrograms(),
            Chains = ReadChains(modules, legacyTables),
            UfwConfiguration = HostFiles.ReadText("/etc/ufw/ufw.conf"),
            SavedWithOurs = SavedWithOurs("/"),
        };

    /// <summary>The files of saved rules that have chains of ours.</summary>
    /// <param name="root">Below which directory.</param>
    internal static ImmutableArray<string> SavedWithOurs(string root) =>
        [
            .. SavedRules
                .Where(path => HostFiles.ReadText(root.TrimEnd('/') + path) is { } text && ChainsOf(text).Any(chain => chain.StartsWith(ObjectNames.Prefix, StringComparison.Ordinal)))
                .Order(StringComparer.Ordinal),
        ];

    /// <summary>The chains that the text of an <c>iptables-save</c> declares.</summary>
    internal static IEnumerable<string> ChainsOf(string saved) =>
        saved.Split('\n').Where(line => line.StartsWith(':')).Select(line => line[1..].Split(' ')[0]);

    private static ImmutableHashSet<string> ReadProcesses() =>
        [
            .. Directory
                .EnumerateDirectories("/proc")
                .Where(path => char.IsAsciiDigit(Path.GetFileName(path)[0]))
                // A process that ended meanwhile has no name.
                .Select(path => HostFiles.ReadText($"{path}/comm")?.Trim())
                .OfType<string>(),
        ];

    private static ImmutableArray<string>? ReadTrafficPrograms()
    {
        if (!KernelFeatures.HasLibbpf)
        {
            return null;
        }

        try
        {
            return
            [
                .. (
                    from link in Rtnetlink.Links()
                    from name in TcListing.Names(link.Index).Distinct(StringComparer.Ordinal)
                    where !name.StartsWith(OwnPrefix, StringComparison.Ordinal)
                    select $"{link.Name}: {name}"
                ).Order(StringComparer.Ordinal),
            ];
        }
        catch (KernelException)
        {
            return null;
        }
    }

    private static ImmutableHashSet<string>? ReadChains(ModuleFacts modules, ImmutableArray<string> legacyTables)
    {
        IEnumerable<string> savers = modules.IsInUse("nf_tables", "NF_TABLES") ? NftSavers : [];
        ImmutableArray<string?> texts = [.. savers.Concat(legacyTables.IsEmpty ? [] : LegacySavers).Select(SystemFactsReader.Find).OfType<string>().Select(SaveOrNull)];
        // Both variants may be installed where the kernel has one.
        return texts.IsEmpty || texts.Any(text => text is not null) ? [.. texts.OfType<string>().SelectMany(ChainsOf)] : null;
    }

    private static string? SaveOrNull(string program)
    {
        try
        {
            // Started before the first await, so by this thread and in its network namespace.
            CommandResult result = CommandRunner.RunAsync(program, [], timeout: Patience).GetAwaiter().GetResult();
            return result.ExitCode == 0 ? result.StandardOutput : null;
        }
        catch (CommandException)
        {
            return null;
        }
    }
}
