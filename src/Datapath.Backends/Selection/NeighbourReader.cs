using System.Collections.Immutable;
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
            UfwConfiguration = SystemFactsReader.ReadText("/etc/ufw/ufw.conf"),
        };

    /// <summary>The chains that the text of an <c>iptables-save</c> declares.</summary>
    internal static IEnumerable<string> ChainsOf(string saved) =>
        saved.Split('\n').Where(line => line.StartsWith(':')).Select(line => line[1..].Split(' ')[0]);

    private static ImmutableHashSet<string> ReadProcesses() =>
        [
            .. Directory
                .EnumerateDirectories("/proc")
                .Where(path => char.IsAsciiDigit(Path.GetFileName(path)[0]))
                // A process that ended meanwhile has no name.
                .Select(path => SystemFactsReader.ReadText($"{path}/comm")?.Trim())
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
        IEnumerable<string> programs = savers.Concat(legacyTables.IsEmpty ? [] : LegacySavers).Select(SystemFactsReader.Find).OfType<string>();
        try
        {
            return [.. programs.Select(Save).SelectMany(ChainsOf)];
        }
        catch (CommandException)
        {
            return null;
        }
    }

    private static string Save(string program)
    {
        // Started before the first await, so by this thread and in its network namespace.
        CommandResult result = CommandRunner.RunAsync(program, [], timeout: Patience).GetAwaiter().GetResult();
        return result.ExitCode == 0 ? result.StandardOutput : throw new CommandException(program, result.StandardError.Trim(), result);
    }
}
