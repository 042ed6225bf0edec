using System.Collections.Immutable;
using System.Globalization;
using Datapath.Interop.Processes;

namespace Datapath.Backends.Iptables.Kernel;

/// <summary>The sets of this network namespace.</summary>
internal static class IpSets
{
    private const string Name = "ipset";
    private const string InUse = "in use";
    private const int DestroyAttempts = 5;
    private static readonly TimeSpan BetweenAttempts = TimeSpan.FromMilliseconds(100);

    /// <summary>How many entries each set has, by name.</summary>
    /// <exception cref="BackendException">Refused.</exception>
    public static ImmutableDictionary<string, int> Sizes()
    {
        if (Programs.Find(Name) is null)
        {
            return ImmutableDictionary<string, int>.Empty;
        }

        var sizes = ImmutableDictionary.CreateBuilder<string, int>(StringComparer.Ordinal);
        string set = "";
        foreach (string line in ListHeads().Split('\n'))
        {
            if (Value(line, "Name: ") is { } name)
            {
                set = name;
                sizes[set] = 0;
            }
            else if (Value(line, "Number of entries: ") is { } entries)
            {
                sizes[set] = int.Parse(entries, CultureInfo.InvariantCulture);
            }
        }

        return sizes.ToImmutable();
    }

    /// <summary>Every set as text, without its entries.</summary>
    /// <exception cref="BackendException">Refused.</exception>
    public static string ListHeads() => Programs.Find(Name) is null ? "" : Run(["list", "-terse"]);

    /// <summary>Makes and fills sets.</summary>
    /// <param name="lines">As <c>ipset restore</c> reads them.</param>
    /// <exception cref="BackendException">Refused.</exception>
    public static void Restore(string lines) => Run(["restore"], lines);

    /// <summary>Takes a set away; waits a moment for rules that were removed but are not gone.</summary>
    /// <param name="set">Its name.</param>
    /// <remarks>Older kernels let go of what a rule of nf_tables used only after the transaction that removed it (nf_tables_trans_destroy_work).</remarks>
    /// <exception cref="BackendException">Refused, because a rule uses it.</exception>
    public static void Destroy(string set)
    {
        using var pause = new ManualResetEventSlim();
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                Run(["destroy", set]);
                return;
            }
            catch (BackendException refusal) when (attempt < DestroyAttempts && refusal.Message.Contains(InUse, StringComparison.Ordinal))
            {
                pause.Wait(BetweenAttempts);
            }
        }
    }

    private static string? Value(string line, string title) => line.StartsWith(title, StringComparison.Ordinal) ? line[title.Length..] : null;

    private static string Run(IReadOnlyList<string> arguments, string? input = null)
    {
        CommandResult result = Programs.Run(Name, arguments, input);
        return result.ExitCode == 0 ? result.StandardOutput : throw new BackendException($"ipset {arguments[0]}: {result.StandardError.Trim()}");
    }
}
