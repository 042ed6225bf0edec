using System.Text.RegularExpressions;
using Datapath.Tests.Architecture;
using Xunit;

namespace Datapath.Tests.Docs;

/// <summary>What decision 0020 accepts and the tests that show it belong to each other, one to one.</summary>
public sealed partial class AcceptedDifferencePageTests
{
    // Every test of these classes shows an accepted difference.
    private static readonly string[] Classes = ["AcceptedDifferenceTests", "DifferentReasonTests"];

    private static readonly string Page = File.ReadAllText(Path.Combine(Repository.Root, "docs/decisions/0020-where-iptables-differs.md"));

    [Fact]
    public void Every_difference_is_shown_by_a_test_and_nothing_else_is()
    {
        int[] accepted = [.. Item().Matches(Page).Select(match => Number(match))];
        Assert.Equal(Enumerable.Range(1, accepted.Length), accepted);
        Assert.Equal(accepted, Row().Matches(Page).Select(match => Number(match)).Distinct());
    }

    [Fact]
    public void Every_test_that_is_named_is_one()
    {
        foreach (Match row in Row().Matches(Page))
        {
            Assert.Contains(row.Groups["test"].Value, TestsOf(row.Groups["class"].Value));
        }
    }

    [Fact]
    public void Every_test_of_a_difference_is_named()
    {
        IEnumerable<string> named = Row().Matches(Page).Where(row => Classes.Contains(row.Groups["class"].Value)).Select(row => row.Groups["test"].Value);
        Assert.Equal(Classes.SelectMany(TestsOf).Order(StringComparer.Ordinal), named.Order(StringComparer.Ordinal));
    }

    private static int Number(Match match) => int.Parse(match.Groups["number"].ValueSpan, System.Globalization.CultureInfo.InvariantCulture);

    private static IEnumerable<string> TestsOf(string name)
    {
        string file = Assert.Single(Directory.GetFiles(Path.Combine(Repository.Root, "tests"), $"{name}.cs", SearchOption.AllDirectories));
        return Test().Matches(File.ReadAllText(file)).Select(match => match.Groups["test"].Value);
    }

    [GeneratedRegex("^(?<number>[0-9]+)\\. ", RegexOptions.Multiline | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Item();

    [GeneratedRegex(
        "^\\| (?<number>[0-9]+) \\| `(?<class>[A-Za-z]+)\\.(?<test>\\w+)` \\|$",
        RegexOptions.Multiline | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 1000
    )]
    private static partial Regex Row();

    // A method with its attributes right above it, perhaps with data and comments between them.
    [GeneratedRegex(
        "\\[(Kernel)?(Fact|Theory)[^\\n]*\\n((    \\[| {4,}//|        )[^\\n]*\\n|    \\)\\]\\n)*    public [^\\n(]* (?<test>\\w+)\\(",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 1000
    )]
    private static partial Regex Test();
}
