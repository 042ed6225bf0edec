using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace Datapath.Tests.Architecture;

/// <summary>What the documents say is there, is there.</summary>
public sealed partial class DocumentationTests
{
    public static TheoryData<string> Documents => [.. Repository.Written("", ".md").Where(path => !path.StartsWith("docs/decisions/", StringComparison.Ordinal))];

    [Theory, MemberData(nameof(Documents))]
    public void Every_path_that_a_document_names_exists(string document)
    {
        var missing = NamedPath()
            .Matches(Repository.Read(document))
            .Select(match => match.Groups["path"].Value)
            .Where(path => !Exists(path) && !Exists(Path.Combine(Path.GetDirectoryName(document)!, path)));
        Assert.Empty(missing);
    }

    [Theory, MemberData(nameof(Documents))]
    public void Every_link_between_documents_leads_somewhere(string document)
    {
        var broken = LocalLink()
            .Matches(Repository.Read(document))
            .Select(match => match.Groups["target"].Value)
            .Where(target => !Exists(Path.Combine(Path.GetDirectoryName(document)!, target)));
        Assert.Empty(broken);
    }

    [Fact]
    public void Every_invariant_names_a_test_that_exists()
    {
        var tests = string.Concat(Repository.Written("tests/", ".cs").Select(Repository.Read));
        var invariants = Invariant().Matches(Repository.Read("ARCHITECTURE.md"));
        Assert.NotEmpty(invariants);
        Assert.All(
            invariants,
            invariant =>
            {
                var names = TestName().Matches(invariant.Value);
                Assert.NotEmpty(names);
                Assert.All(names, name => Assert.Contains($"class {name.Groups["type"].Value}", tests, StringComparison.Ordinal));
                Assert.All(names, name => Assert.Contains($" {name.Groups["method"].Value}(", tests, StringComparison.Ordinal));
            }
        );
    }

    [Fact]
    public void Readme_lists_the_commands_as_build_sh_does() =>
        Assert.Contains(Verbs(), Repository.Read("README.md"), StringComparison.Ordinal);

    [Fact]
    public void Every_command_of_build_sh_is_a_function_of_it()
    {
        var script = Repository.Read("build.sh");
        Assert.All(
            Verbs().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Trim().Split(' ')[0]),
            verb => Assert.Contains($"\nverb_{verb}() {{", script, StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Readme_fits_two_screens_besides_the_settings() =>
        Assert.InRange(Repository.ReadLines("README.md").Count(line => !line.StartsWith("  --", StringComparison.Ordinal)), 1, 124);

    [Fact]
    public void Architecture_has_at_most_400_lines() => Assert.InRange(Repository.ReadLines("ARCHITECTURE.md").Length, 1, 400);

    [Fact]
    public void Decisions_have_a_number_of_their_own_and_four_parts()
    {
        var pages = Repository.Written("docs/decisions/", ".md").ToList();
        Assert.All(pages, page => Assert.Matches("^docs/decisions/[0-9]{4}-[a-z]", page));
        // Not without gaps: two people who decide at the same time take numbers at the same time.
        Assert.Distinct(pages.Select(page => page["docs/decisions/".Length..][..4]), StringComparer.Ordinal);
        Assert.All(
            pages,
            page =>
                Assert.All(
                    (string[])["Context", "Choice", "Rejected", "Consequence"],
                    part => Assert.Contains($"\n## {part}\n", Repository.Read(page), StringComparison.Ordinal)
                )
        );
    }

    [Fact]
    public void Every_decision_is_in_the_index_of_the_architecture()
    {
        var index = Repository.Read("ARCHITECTURE.md");
        Assert.All(Repository.Written("docs/decisions/", ".md"), page => Assert.Contains($"]({page})", index, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_test_and_corpus_case_that_a_decision_names_exists()
    {
        var tests = string.Concat(Repository.Written("tests/", ".cs").Select(Repository.Read));
        foreach (var page in Repository.Written("docs/decisions/", ".md").Select(Repository.Read))
        {
            Assert.All(TestName().Matches(page), name => Assert.Contains($"class {name.Groups["type"].Value}", tests, StringComparison.Ordinal));
            Assert.All(TestName().Matches(page), name => Assert.Contains($" {name.Groups["method"].Value}(", tests, StringComparison.Ordinal));
            Assert.All(CorpusCase().Matches(page), one => Assert.True(Exists($"tests/corpus/ok/{one.Groups["name"].Value}"), one.Value));
        }
    }

    [Fact]
    public void Every_complaint_that_applies_names_tests_and_they_are_tests()
    {
        // What other checks prevent, and what cannot happen here.
        int[] withoutTest = [15, 16];
        MatchCollection rows = ComplaintRow().Matches(Repository.Read("docs/complaints.md"));
        Assert.Equal(Enumerable.Range(1, 23), rows.Select(row => int.Parse(row.Groups["number"].Value, CultureInfo.InvariantCulture)));
        Assert.All(
            rows,
            row => Assert.True(TestName().IsMatch(row.Value) != withoutTest.Contains(int.Parse(row.Groups["number"].Value, CultureInfo.InvariantCulture)), row.Value)
        );
        string[] files = [.. Repository.Written("tests/", ".cs").Select(Repository.Read)];
        Assert.All(rows.SelectMany(row => TestName().Matches(row.Value)), name => Assert.True(IsTest(name.Groups["type"].Value, name.Groups["method"].Value), name.Value));

        bool IsTest(string type, string method) =>
            files.Any(file =>
                file.Contains($" class {type}", StringComparison.Ordinal)
                && Regex.IsMatch(file, $@"\[(Kernel)?(Fact|Theory)\b[^\n]*\](\s*\[[^\n]*\])*\s*public [^\n]* {method}\(", RegexOptions.None, TimeSpan.FromSeconds(5))
            );
    }

    /// <summary>The lines of <c>./build.sh</c>'s help that name its verbs.</summary>
    private static string Verbs() => VerbLines().Match(Repository.Read("build.sh")).Groups["verbs"].Value;

    private static bool Exists(string path) =>
        Path.Combine(Repository.Root, path) is var full && (File.Exists(full) || Directory.Exists(full));

    // A path in code font that begins with one of our folders, or a file at the top.
    [GeneratedRegex(
        @"`(?<path>(bpf|docs|examples|interop|src|tests|tools|vagrant|\.ci)/[^\s`*<>…]*|build\.sh|[A-Z][A-Za-z.]*\.(?:md|sln|props|targets))`",
        RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 5000
    )]
    private static partial Regex NamedPath();

    [GeneratedRegex(@"\]\((?!https?:|#)(?<target>[^)#\s]+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex LocalLink();

    [GeneratedRegex(@"Invariant I\d+: [^\n]+", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Invariant();

    [GeneratedRegex(@"`(?<type>\w+Tests)\.(?<method>\w+)`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex TestName();

    [GeneratedRegex(@"^\| C(?<number>\d+) \| [^\n]+$", RegexOptions.ExplicitCapture | RegexOptions.Multiline, matchTimeoutMilliseconds: 5000)]
    private static partial Regex ComplaintRow();

    [GeneratedRegex(@"corpus `(?<name>[\w-]+)`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex CorpusCase();

    [GeneratedRegex(@"<<'HELP'\nusage: [^\n]+\n\n(?<verbs>(  \w+ [^\n]+\n)+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex VerbLines();
}
