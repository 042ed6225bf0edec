using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Policy.Rulesets;

public sealed class CorpusTests
{
    /// <summary>Codes whose smallest example is megabytes long; <see cref="DocumentLimitTests"/> makes those.</summary>
    private static readonly string[] TooLargeForAFile =
    [
        PolicyDiagnostics.FileTooLong.Id,
        PolicyDiagnostics.TooManyValues.Id,
        PolicyDiagnostics.MoreProblems.Id,
    ];

    public static TheoryData<string> FailCases => Corpus.Cases("fail");

    public static TheoryData<string> OkCases => Corpus.Cases("ok");

    [Theory]
    [MemberData(nameof(FailCases))]
    public void Says_everything_that_is_wrong(string name)
    {
        PolicyReading reading = PolicyReader.ReadAll(Corpus.PolicyFiles("fail", name));
        Assert.NotEmpty(reading.Diagnostics);
        Golden.AssertMatches(Corpus.PathOf("fail", name, "errors.txt"), DiagnosticText.Render(reading.Diagnostics));
    }

    [Theory]
    [MemberData(nameof(OkCases))]
    public void Says_nothing_of_a_good_file(string name)
    {
        WrittenPolicy policy = Read.Clean(PolicyReader.ReadAll(Corpus.PolicyFiles("ok", name)));
        int objects = policy.Namespaces.Length + policy.ExternalNetworks.Length + policy.Rulesets.Length + policy.ProcessingUnits.Length;
        Assert.Equal(name is "empty", objects == 0);
    }

    [Fact]
    public void Every_code_occurs()
    {
        IEnumerable<string> seen = FailCases
            .SelectMany(static row => PolicyReader.ReadAll(Corpus.PolicyFiles("fail", row.Data)).Diagnostics)
            .Select(static diagnostic => diagnostic.Code);
        Assert.Equal(TooLargeForAFile, PolicyDiagnostics.All.Select(static code => code.Id).Except(seen));
    }

    [Fact]
    public void Codes_are_unique_and_rising() =>
        Assert.Equal(PolicyDiagnostics.All.Select(static code => code.Id).Distinct().Order(StringComparer.Ordinal), PolicyDiagnostics.All.Select(static code => code.Id));

    /// <summary>One lower-case sentence, and a way out: what style asks of every message.</summary>
    [Fact]
    public void Messages_are_sentences_without_a_full_stop_and_have_help()
    {
        foreach (Diagnostic diagnostic in FailCases.SelectMany(static row => PolicyReader.ReadAll(Corpus.PolicyFiles("fail", row.Data)).Diagnostics))
        {
            Assert.False(diagnostic.Message.EndsWith('.'), diagnostic.Message);
            Assert.False(char.IsUpper(diagnostic.Message[0]), diagnostic.Message);
            Assert.False(string.IsNullOrEmpty(diagnostic.Help), diagnostic.Message);
            Assert.True(diagnostic.At.Line > 0 && diagnostic.At.Column > 0, $"no place: {diagnostic.Message}");
        }
    }
}
