using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;

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
internal sealed partial record SavedTable(ImmutableArray<string> Chains, ImmutableArray<SavedRule> Rules)
{
    /// <summary>A table that is not there.</summary>
    public static SavedTable Empty { get; } = new([], []);

    /// <summary>Reads the text.</summary>
    /// <param name="text">As printed; tables other than mangle are left out.</param>
    public static SavedTable Parse(string text)
    {
        var chains = ImmutableArray.CreateBuilder<string>();
        var rules = ImmutableArray.CreateBuilder<SavedRule>();
        string table = "mangle";
        foreach (string line in text.Split('\n'))
        {
            if (line.StartsWith('*'))
            {
                table = line[1..];
            }
            else if (table == "mangle" && line.StartsWith(':'))
            {
                chains.Add(line[1..line.IndexOf(' ', StringComparison.Ordinal)]);
            }
            else if (table == "mangle" && RuleForm().Match(line) is { Success: true } match)
            {
                rules.Add(new SavedRule(match.Groups["chain"].Value, match.Groups["text"].Value, Number(match.Groups["packets"]), Number(match.Groups["bytes"])));
            }
        }

        return new SavedTable(chains.ToImmutable(), rules.ToImmutable());
    }

    private static long Number(Group group) => group.Success ? long.Parse(group.ValueSpan, CultureInfo.InvariantCulture) : 0;

    [GeneratedRegex(
        @"^(\[(?<packets>\d+):(?<bytes>\d+)\] )?-A (?<chain>\S+) ?(?<text>.*)$",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 1000
    )]
    private static partial Regex RuleForm();
}
