using Datapath.Policy.Diagnostics;
using Xunit;

namespace Datapath.Tests.Policy.Rulesets;

public sealed class TagTests
{
    [Theory]
    [InlineData("a=b")]
    [InlineData("$name=x y")]
    [InlineData("@org:group=GKE")]
    [InlineData("k:v=a=b")]
    [InlineData("a==")]
    [InlineData("a= ")]
    public void A_valid_tag_is_taken_as_it_stands(string tag) => Assert.Equal(tag, Read.Clean(Read.Subject(tag)).Rulesets[0].Subject.Clauses[0][0]);

    [Theory]
    [InlineData("a")]
    [InlineData("=b")]
    [InlineData("a=")]
    [InlineData("a b=c")]
    [InlineData("a=\nb")]
    [InlineData("")]
    public void A_malformed_tag_is_refused(string tag) =>
        Assert.Equal([PolicyDiagnostics.BadTag.Id], Read.Subject(tag).Diagnostics.Select(static d => d.Code));

    [Theory]
    [InlineData("@a=b")]
    [InlineData("$a=b")]
    [InlineData("+a=b")]
    public void A_tag_of_the_users_own_does_not_begin_with_a_reserved_character(string tag) =>
        Assert.Equal([PolicyDiagnostics.ReservedTag.Id], Read.AssociatedTag(tag).Diagnostics.Select(static d => d.Code));

    /// <summary>The bound is in bytes of UTF-8, and 1024 is already too many.</summary>
    [Theory]
    [InlineData("x", 1021, 0)]
    [InlineData("x", 1022, 1)]
    [InlineData("é", 510, 0)]
    [InlineData("é", 511, 1)]
    [InlineData("€", 340, 0)]
    [InlineData("€", 341, 1)]
    public void A_tag_is_shorter_than_1024_bytes(string character, int repeated, int errors)
    {
        string tag = "k=" + string.Concat(Enumerable.Repeat(character, repeated));
        Assert.Equal(Enumerable.Repeat(PolicyDiagnostics.BadTag.Id, errors), Read.Subject(tag).Diagnostics.Select(static d => d.Code));
        Assert.Equal(
            Enumerable.Repeat(PolicyDiagnostics.BadTag.Id, errors),
            Read.AssociatedTag(tag).Diagnostics.Select(static d => d.Code)
        );
    }

    [Theory]
    [InlineData("", "[[a=b], [c=d]]")]
    [InlineData("", "[[a=b], [a=b, c=d]]")]
    [InlineData("DP1305", "[]")]
    [InlineData("DP1305", "[[]]")]
    [InlineData("DP1306", "[[a=b, a=b]]")]
    [InlineData("", "[[a=b], [a=b]]")]
    [InlineData("DP1203", "[a=b]")]
    [InlineData("DP1203", "a=b")]
    [InlineData("DP1203", "{a: b}")]
    [InlineData("DP1203", "[[[a=b]]]")]
    [InlineData("DP1203", "[[a=b], null]")]
    [InlineData("DP1202", "null")]
    public void A_subject_is_a_list_of_lists(string codes, string subject) =>
        Assert.Equal(codes, string.Join(' ', Read.CodesOf($"{{name: r, subject: {subject}, incomingRules: []}}")));

    /// <summary>Only in the object of a rule are equal clauses refused, whatever the order of their tags.</summary>
    [Theory]
    [InlineData("DP1307", "[[a=b], [a=b]]")]
    [InlineData("DP1307", "[[a=b, c=d], [c=d, a=b]]")]
    [InlineData("", "[[a=b, c=d], [c=d, a=B]]")]
    [InlineData("DP1305", "[[a=b], []]")]
    [InlineData("DP1305", "[]")]
    public void An_object_has_no_clause_twice(string codes, string peers) =>
        Assert.Equal(
            codes,
            string.Join(' ', Read.CodesOf($"{{name: r, subject: [[a=b]], outgoingRules: [{{action: Reject, object: {peers}}}]}}"))
        );
}
