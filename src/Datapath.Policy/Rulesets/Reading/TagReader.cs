using System.Collections.Immutable;
using System.Text;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets.Yaml;

namespace Datapath.Policy.Rulesets.Reading;

/// <summary>Reads tags and lists of tags (specification a.1, c.1).</summary>
internal static class TagReader
{
    /// <summary>A tag is shorter than this, counted in UTF-8; a tag of exactly this length is refused.</summary>
    private const int TooManyBytes = 1024;

    /// <summary>Tags of the user's own.</summary>
    public static ImmutableArray<string> AssociatedTags(FieldReader fields) =>
        Tags(
            fields,
            "associatedTags",
            PolicyDiagnostics.ReservedTag,
            static tag => tag[0] is '@' or '$' or '+' ? $"begins with `{tag[0]}`, which is reserved" : null
        );

    /// <summary>Tags fixed at creation.</summary>
    public static ImmutableArray<string> Metadata(FieldReader fields) =>
        Tags(
            fields,
            "metadata",
            PolicyDiagnostics.BadMetadata,
            static tag =>
                tag[0] != '@' ? "is metadata and does not begin with `@`"
                : tag.StartsWith("@auth:", StringComparison.Ordinal) ? "begins with `@auth:`, which only an identity provider may set"
                : null
        );

    /// <summary>Tags that the objects of a namespace inherit.</summary>
    public static ImmutableArray<string> Organization(FieldReader fields) =>
        Tags(
            fields,
            "organizationalMetadata",
            PolicyDiagnostics.BadOrganization,
            static tag => tag.StartsWith("@org:", StringComparison.Ordinal) ? null : "does not begin with `@org:`"
        );

    /// <summary>The text of a tag; null, and said why, when it is malformed.</summary>
    public static string? Tag(ScalarNode node, DiagnosticSink sink)
    {
        string tag = node.Text;
        if (ProblemOf(tag) is not { } problem)
        {
            return tag;
        }

        sink.Report(PolicyDiagnostics.BadTag, node.At, $"the tag {Quoted.Value(tag)} {problem}");
        return null;
    }

    private static ImmutableArray<string> Tags(FieldReader fields, string name, DiagnosticCode code, Func<string, string?> objection)
    {
        ImmutableArray<string>.Builder tags = ImmutableArray.CreateBuilder<string>();
        foreach (ScalarNode node in fields.Texts(name))
        {
            if (Tag(node, fields.Sink) is not { } tag)
            {
                continue;
            }

            if (objection(tag) is { } problem)
            {
                fields.Sink.Report(code, node.At, $"the tag {Quoted.Value(tag)} {problem}");
                continue;
            }

            tags.Add(tag);
        }

        return tags.ToImmutable();
    }

    private static string? ProblemOf(string tag)
    {
        int equals = tag.IndexOf('=', StringComparison.Ordinal);
        if (equals < 0)
        {
            return "has no `=`";
        }

        if (equals == 0)
        {
            return "has no key before the `=`";
        }

        if (tag.AsSpan(0, equals).Contains(' '))
        {
            return "has a blank in its key";
        }

        // The product's pattern wants one character after the `=`, and a line feed is none to it.
        if (equals + 1 == tag.Length || tag[equals + 1] == '\n')
        {
            return "has no value after the `=`";
        }

        // A UTF-16 unit takes at most three bytes, so short tags need no count.
        bool isTooLong = tag.Length * 3 >= TooManyBytes && Encoding.UTF8.GetByteCount(tag) >= TooManyBytes;
        return isTooLong ? $"has {Encoding.UTF8.GetByteCount(tag)} bytes and may have {TooManyBytes - 1}" : null;
    }
}
