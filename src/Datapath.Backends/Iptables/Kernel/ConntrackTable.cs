using System.Globalization;
using Datapath.Interop.Netlink;

namespace Datapath.Backends.Iptables.Kernel;

/// <summary>The kernel's table of tracked connections, which is everybody's in this network namespace.</summary>
internal static class ConntrackTable
{
    private const string Statistics = "/proc/net/stat/nf_conntrack";

    // Connections that found no room: refused at once, or lost to another with the same addresses and ports.
    private static readonly string[] Failures = ["insert_failed", "drop"];

    /// <summary>How full it is; <see cref="FlowUsage.None"/> where nothing is tracked, or the kernel does not tell.</summary>
    public static FlowUsage Read()
    {
        if (Conntrack.Usage() is not { } usage)
        {
            return FlowUsage.None;
        }

        try
        {
            // A kernel without CONFIG_NF_CONNTRACK_PROCFS has the settings and not the statistics.
            string[] lines = File.Exists(Statistics) ? File.ReadAllLines(Statistics) : [];
            return new FlowUsage([new FlowTableUsage("nf_conntrack", usage.Entries, usage.Limit)], CountFailures(lines), NotPromoted: 0);
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            return FlowUsage.None;
        }
    }

    /// <summary>Adds up what found no room.</summary>
    /// <param name="lines">Names of the columns, then a line of hexadecimal numbers for each CPU (net/netfilter/nf_conntrack_standalone.c).</param>
    internal static long CountFailures(string[] lines)
    {
        if (lines.Length == 0)
        {
            return 0;
        }

        string[] names = Words(lines[0]);
        int[] columns = [.. Failures.Select(name => Array.IndexOf(names, name)).Where(column => column >= 0)];
        return lines.Skip(1).Select(Words).Sum(cpu => columns.Where(column => column < cpu.Length).Sum(column => long.Parse(cpu[column], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)));
    }

    private static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
