using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets.Yaml;

namespace Datapath.Policy.Rulesets.Reading;

/// <summary>Reads tag expressions: a list of lists of tags, OR of ANDs (specification a.1, b.1).</summary>
internal static class TagExpressionReader
{
    /// <summary>The expression of a field; null when it is absent or has no usable clause, and said why.</summary>
    /// <param name="fields">The mapping.</param>
    /// <param name="name">The field.</param>
    /// <param name="refusesEqualClauses">Whether two clauses of the same tags are an error, as in the object of a rule.</param>
    public static TagExpression? Read(FieldReader fields, string name, bool refusesEqualClauses = false)
    {
        if (fields.Find(name) is not { } value)
        {
            return null;
        }

        if (value is not SequenceNode list)
        {
            fields.ReportType(name, value, "a list of lists of tags");
            return null;
        }

        if (list.Items.IsEmpty)
        {
            fields.Sink.Report(PolicyDiagnostics.EmptyExpression, list.At, $"{Quoted.Value(name)} is an empty list and would select nothing");
            return null;
        }

        ImmutableArray<ImmutableArray<string>> clauses = ReadClauses(fields, name, list, refusesEqualClauses);
        return clauses.IsEmpty ? null : new TagExpression(clauses);
    }

    /// <summary>The expression as one text that does not depend on the order of clauses and tags, to compare by.</summary>
    public static string Canonical(TagExpression expression) =>
        string.Join('\u0001', expression.Clauses.Select(Canonical).Order(StringComparer.Ordinal));

    private static string Canonical(ImmutableArray<string> clause) =>
        clause.Length == 1 ? clause[0] : string.Join('\0', clause.Order(StringComparer.Ordinal));

    private static ImmutableArray<ImmutableArray<string>> ReadClauses(
        FieldReader fields,
        string name,
        SequenceNode list,
        bool refusesEqualClauses
    )
    {
        ImmutableArray<ImmutableArray<string>>.Builder clauses = ImmutableArray.CreateBuilder<ImmutableArray<string>>(list.Items.Length);
        Dictionary<string, SourceSpan> seen = new(StringComparer.Ordinal);
        foreach (Node item in list.Items)
        {
            if (item is not SequenceNode clause)
            {
                ReportFlatClause(fields, name, item);
                continue;
            }

            ImmutableArray<string> tags = ReadClause(fields, name, clause);
            if (tags.IsEmpty)
            {
                continue;
            }

            if (refusesEqualClauses && list.Items.Length > 1 && !seen.TryAdd(Canonical(tags), clause.At))
            {
                fields.Sink.Report(
                    PolicyDiagnostics.ClauseTwice,
                    clause.At,
                    $"this list of tags says the same as the one at line {seen[Canonical(tags)].Line}, column {seen[Canonical(tags)].Column}"
                );
                continue;
            }

            clauses.Add(tags);
        }

        return clauses.ToImmutable();
    }

    private static ImmutableArray<string> ReadClause(FieldReader fields, string name, SequenceNode clause)
    {
        if (clause.Items.IsEmpty)
        {
            fields.Sink.Report(PolicyDiagnostics.EmptyExpression, clause.At, $"{Quoted.Value(name)} has an empty list of tags in it");
            return [];
        }

        ImmutableArray<string>.Builder tags = ImmutableArray.CreateBuilder<string>(clause.Items.Length);
        HashSet<string>? seen = clause.Items.Length > 1 ? new(StringComparer.Ordinal) : null;
        foreach (ScalarNode node in fields.TextItems(clause.Items, name))
        {
            if (TagReader.Tag(node, fields.Sink) is not { } tag)
            {
                continue;
            }

            if (seen?.Add(tag) == false)
            {
                fields.Sink.Report(PolicyDiagnostics.TagTwice, node.At, $"the tag {Quoted.Value(tag)} stands twice in one list");
                continue;
            }

            tags.Add(tag);
        }

        return tags.ToImmutable();
    }

    private static void ReportFlatClause(FieldReader fields, string name, Node item)
    {
        if (item is ScalarNode { IsNull: false } tag)
        {
            fields.Sink.Report(
                PolicyDiagnostics.WrongType,
                item.At,
                $"{Quoted.Value(name)} has the tag {Quoted.Value(tag.Text)} where a list of tags has to stand",
                "write a list of lists: [[a=1, b=2], [c=3]] means (a=1 and b=2) or c=3"
            );
            return;
        }

        fields.ReportType(name, item, "a list of lists of tags", isItem: true);
    }
}
