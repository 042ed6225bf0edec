using System.Text;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets;
using Xunit;

namespace Datapath.Tests.Policy.Rulesets;

/// <summary>Files that are made to hurt: each ends in an error with a place, soon and without a great deal of memory.</summary>
public sealed class DocumentLimitTests
{
    [Fact]
    public void A_file_of_100_megabytes_is_refused_at_the_limit() =>
        AssertOnly(PolicyDiagnostics.FileTooLong, PolicyReader.Read("long.yaml", new string('\n', 100_000_000)), 33_554_433);

    [Theory]
    [InlineData("[", 10_000_000)]
    [InlineData("- ", 5_000_000)]
    [InlineData("? ", 5_000_000)]
    public void Endless_nesting_is_refused(string opening, int times) =>
        AssertOnly(PolicyDiagnostics.TooDeep, PolicyReader.Read("deep.yaml", Repeat(opening, times)), 1);

    [Fact]
    public void Nesting_by_indentation_is_refused() =>
        AssertOnly(
            PolicyDiagnostics.TooDeep,
            PolicyReader.Read("deep.yaml", string.Concat(Enumerable.Range(0, 2000).Select(static i => $"{new string(' ', i)}a:\n"))),
            33
        );

    [Fact]
    public void Millions_of_values_are_refused() =>
        AssertOnly(PolicyDiagnostics.TooManyValues, PolicyReader.Read("many.yaml", "[" + Repeat("a,", 5_000_000)), 1);

    [Fact]
    public void Millions_of_documents_are_refused() =>
        Assert.Contains(
            PolicyReader.Read("documents.yaml", Repeat("--- {}\n", 20_000)).Diagnostics,
            static d => d.Code == PolicyDiagnostics.TooManyValues.Id && d.At.Line == 10_001
        );

    [Fact]
    public void Beyond_ten_thousand_errors_one_line_says_so()
    {
        PolicyReading reading = PolicyReader.Read("errors.yaml", "name: n\nentries: [" + Repeat("/,", 20_000) + "]");
        Assert.Equal(10_001, reading.Diagnostics.Length);
        Assert.Equal(PolicyDiagnostics.MoreProblems.Id, Assert.Single(reading.Diagnostics, static d => d.Severity == DiagnosticSeverity.Warning).Code);
    }

    [Fact]
    public void Many_warnings_do_not_hide_an_error()
    {
        StringBuilder text = new("name: n\n");
        for (int i = 0; i < 20_000; i++)
        {
            text.Append($"x{i}: y\n");
        }

        Assert.True(PolicyReader.Read("warnings.yaml", text + "entries: []\n").HasErrors);
    }

    [Fact]
    public void Scalars_of_many_megabytes_are_refused_where_they_stand()
    {
        string huge = new('x', 20_000_000);
        AssertOnly(PolicyDiagnostics.TextTooLong, PolicyReader.Read("huge.yaml", $"entries: [10.0.0.0/8]\nname: {huge}"), 2);
        AssertOnly(PolicyDiagnostics.NotYaml, PolicyReader.Read("huge.yaml", $"entries: [10.0.0.0/8]\nname: \"{huge}"), 2);
        AssertOnly(PolicyDiagnostics.BadTag, PolicyReader.Read("huge.yaml", $"name: r\nsubject:\n- - \"{huge}\""), 3);
    }

    [Fact]
    public void Fifty_thousand_rules_are_read_whole()
    {
        StringBuilder text = new("APIVersion: 1\ndata:\n  networkrulesetpolicies:\n");
        for (int ruleset = 0; ruleset < 1000; ruleset++)
        {
            text.Append($"  - name: r{ruleset}\n    subject: [[app=a{ruleset}]]\n    incomingRules:\n");
            for (int rule = 0; rule < 50; rule++)
            {
                text.Append($"    - {{action: Allow, object: [['externalnetwork:name=n{rule}']], protocolPorts: [tcp/{rule}]}}\n");
            }
        }

        WrittenPolicy policy = Read.Clean(PolicyReader.Read("large.yaml", text.ToString()));
        Assert.Equal(50_000, policy.Rulesets.Sum(static ruleset => ruleset.IncomingRules.Length));
    }

    /// <summary>A hundred thousand networks with a hole in each: the checks between entries must not compare each with each.</summary>
    [Fact]
    public void A_hundred_thousand_entries_are_checked_against_each_other()
    {
        StringBuilder text = new("name: n\nentries:\n");
        for (int i = 0; i < 50_000; i++)
        {
            text.Append($"- {i >> 8}.{i & 255}.0.0/16\n- '!{i >> 8}.{i & 255}.7.0/24'\n");
        }

        Assert.Equal(100_000, Read.Clean(PolicyReader.Read("large.yaml", text.ToString())).ExternalNetworks[0].Entries.Length);
    }

    private static void AssertOnly(DiagnosticCode code, PolicyReading reading, int line)
    {
        Diagnostic diagnostic = Assert.Single(reading.Diagnostics);
        Assert.Equal((code.Id, line), (diagnostic.Code, diagnostic.At.Line));
        Assert.True(diagnostic.At.Column >= 1);
        Assert.True(diagnostic.Message.Length < 300, "the message carries the whole file");
    }

    private static string Repeat(string text, int times) => new StringBuilder(text.Length * times).Insert(0, text, times).ToString();
}
