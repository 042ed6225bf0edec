using System.Collections.Immutable;
using System.Globalization;

namespace Datapath.Backends.Iptables.Kernel;

/// <summary>A rule as the kernel has it.</summary>
/// <param name="Chain">Where it stands.</param>
/// <param name="Text">What follows the chain, such as <c>-j DROP</c>.</param>
/// <param name="Packets">How many it matched.</param>
/// <param name="Bytes">Their bytes, from the IP header on.</param>
internal sealed record SavedRule(string Chain, string Text, long Packets, long Bytes);

/// <summary>The mangle table of one family, as <c>iptables-save --counters</c> prints it.</summary>
/// <param name="Chains">All chains, by name.</param>
/// <param name="Rules">All rules, in their order.</param>
internal sealed record SavedTable(ImmutableArray<string> Chains, ImmutableArray<SavedRule> Rules)
{
    private const string Append = "-A ";

    /// <summary>A table that is not there.</summary>
    public static SavedTable Empty { get; } = new([], []);

    /// <summary>Reads the text.</summary>
    /// <param name="text">As printed; tables other than mangle are left out.</param>
    public static SavedTable Parse(string text)
    {
        var chains = ImmutableArray.CreateBuilder<string>();
        var rules = ImmutableArray.CreateBuilder<SavedRule>();
        bool isMangle = true;
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            if (line is ['*', ..])
            {
                isMangle = line[1..] is "mangle";
            }
            else if (isMangle && line is [':', ..] && line.IndexOf(' ') is > 0 and var end)
            {
                chains.Add(line[1..end].ToString());
            }
            else if (isMangle && RuleIn(line) is { } rule)
            {
                rules.Add(rule);
            }
        }

        return new SavedTable(chains.ToImmutable(), rules.ToImmutable());
    }

    // "[27:1822] -A PREROUTING -j dp.x", with the counts or without; null for anything else. By hand: a thousand rules are read at every start.
    private static SavedRule? RuleIn(ReadOnlySpan<char> line)
    {
        (long packets, long bytes) = (0, 0);
        if (line is ['[', ..])
        {
            int colon = line.IndexOf(':');
            int bracket = line.IndexOf("] ", StringComparison.Ordinal);
            if (colon < 0 || bracket < colon || !IsNumber(line[1..colon], out packets) || !IsNumber(line[(colon + 1)..bracket], out bytes))
            {
                return null;
            }

            line = line[(bracket + "] ".Length)..];
        }

        if (!line.StartsWith(Append, StringComparison.Ordinal))
        {
            return null;
        }

        line = line[Append.Length..];
        int blank = line.IndexOf(' ');
        return blank < 0 ? new SavedRule(line.ToString(), "", packets, bytes) : new SavedRule(line[..blank].ToString(), line[(blank + 1)..].ToString(), packets, bytes);
    }

    private static bool IsNumber(ReadOnlySpan<char> text, out long number) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
