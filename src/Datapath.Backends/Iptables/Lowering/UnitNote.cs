using System.Globalization;
using System.Text.RegularExpressions;

namespace Datapath.Backends.Iptables.Lowering;

/// <summary>The comment by which a successor knows whose interface a rule of PREROUTING is about, before it has read any policy.</summary>
internal static partial class UnitNote
{
    /// <summary>Matches what a unit sends, and says who it is.</summary>
    /// <param name="interfaceName">The host's end of the unit's veth pair.</param>
    /// <param name="unit">Number of the unit.</param>
    public static string Matches(string interfaceName, int unit) =>
        string.Create(CultureInfo.InvariantCulture, $"-i {interfaceName} -m comment --comment u{unit} ");

    /// <summary>Reads a rule as <c>iptables-save</c> prints it; null when it is not such a one.</summary>
    /// <param name="rule">The rule without its chain.</param>
    public static (string Interface, int Unit)? In(string rule) =>
        Form().Match(rule) is { Success: true } match && int.TryParse(match.Groups["unit"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int unit)
            ? (match.Groups["name"].Value, unit)
            : null;

    [GeneratedRegex(
        "^-i (?<name>\\S+) -m comment --comment \"?u(?<unit>[0-9]{1,5})\"? ",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 1000
    )]
    private static partial Regex Form();
}
