using System.Collections.Immutable;
using System.Diagnostics;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets.Schema;
using Datapath.Policy.Rulesets.Yaml;

namespace Datapath.Policy.Rulesets.Reading;

/// <summary>
/// Takes the fields of one mapping by name and type, and says what is wrong with each. Numbers and booleans without quotes pass as text where text is asked for
/// (<c>name: 123</c>), because files are written by people; a boolean is only ever <c>true</c> or <c>false</c> without quotes.
/// </summary>
internal sealed class FieldReader
{
    private readonly MappingNode _node;
    private readonly MappingSchema _schema;

    /// <summary>Opens a mapping and warns of the names that its schema does not have.</summary>
    public FieldReader(MappingNode node, MappingSchema schema, DiagnosticSink sink)
    {
        _node = node;
        _schema = schema;
        Sink = sink;
        foreach (MappingEntry entry in node.Entries)
        {
            if (schema.Find(entry.Key.Text) is null)
            {
                ReportUnknown(entry.Key);
            }
        }
    }

    /// <summary>Takes what is wrong.</summary>
    public DiagnosticSink Sink { get; }

    /// <summary>Where the mapping begins.</summary>
    public SourceSpan At => _node.At;

    /// <summary>The value of a field; null when it is absent or nothing, which is reported if the field is required.</summary>
    /// <param name="name">A field of the schema.</param>
    /// <param name="isRequired">Overrides what the schema says, for a field that is asked for twice.</param>
    public Node? Find(string name, bool? isRequired = null)
    {
        FieldSchema field = _schema.Find(name) ?? throw new UnreachableException($"the schema of {_schema.Title} has no field {name}");
        Node? value = _node.Find(name);
        if (value is not (null or ScalarNode { IsNull: true }))
        {
            return value;
        }

        if (isRequired ?? field.IsRequired)
        {
            Sink.Report(PolicyDiagnostics.MissingField, value?.At ?? At, $"{_schema.Title} needs the field {Quoted.Value(name)}", $"add `{name}:`");
        }

        return null;
    }

    /// <summary>A text field; null when it is absent or something else.</summary>
    public ScalarNode? Scalar(string name)
    {
        Node? value = Find(name);
        if (value is null or ScalarNode)
        {
            return (ScalarNode?)value;
        }

        ReportType(name, value, "text");
        return null;
    }

    /// <summary>A text field of limited length; empty when it is absent.</summary>
    /// <param name="name">A field of the schema.</param>
    /// <param name="longest">In Unicode characters.</param>
    public string Text(string name, int longest)
    {
        if (Scalar(name) is not { } scalar)
        {
            return "";
        }

        // A character takes one or two UTF-16 units, so short texts need no count.
        if (scalar.Text.Length > longest && scalar.Text.EnumerateRunes().Count() is var length && length > longest)
        {
            Sink.Report(PolicyDiagnostics.TextTooLong, scalar.At, $"{Quoted.Value(name)} has {length} characters and may have {longest}");
        }

        return scalar.Text;
    }

    /// <summary>A boolean; false when it is absent.</summary>
    public bool Flag(string name)
    {
        if (Scalar(name) is not { } scalar)
        {
            return false;
        }

        if (scalar is { IsPlain: true, Text: "true" or "false" })
        {
            return scalar.Text == "true";
        }

        string hint = scalar.IsPlain ? "" : ", because it is in quotes";
        Sink.Report(PolicyDiagnostics.NotBoolean, scalar.At, $"{Quoted.Value(name)} is {Quoted.Value(scalar.Text)}, which is not a boolean{hint}");
        return false;
    }

    /// <summary>The items of a list; empty when it is absent or something else.</summary>
    public ImmutableArray<Node> List(string name)
    {
        switch (Find(name))
        {
            case null:
                return [];
            case SequenceNode sequence:
                return sequence.Items;
            case var other:
                ReportType(name, other, "a list");
                return [];
        }
    }

    /// <summary>The items of a list of text, without those that are something else.</summary>
    public ImmutableArray<ScalarNode> Texts(string name) => TextItems(List(name), name);

    /// <summary>The mappings of a list, without the items that are something else.</summary>
    public ImmutableArray<MappingNode> Mappings(string name)
    {
        ImmutableArray<Node> items = List(name);
        ImmutableArray<MappingNode>.Builder mappings = ImmutableArray.CreateBuilder<MappingNode>(items.Length);
        foreach (Node item in items)
        {
            if (item is MappingNode mapping)
            {
                mappings.Add(mapping);
            }
            else
            {
                ReportType(name, item, "a list of mappings", isItem: true);
            }
        }

        return mappings.ToImmutable();
    }

    /// <summary>The texts among some nodes; the others are reported.</summary>
    public ImmutableArray<ScalarNode> TextItems(ImmutableArray<Node> items, string name)
    {
        ImmutableArray<ScalarNode>.Builder texts = ImmutableArray.CreateBuilder<ScalarNode>(items.Length);
        foreach (Node item in items)
        {
            if (item is ScalarNode { IsNull: false } scalar)
            {
                texts.Add(scalar);
            }
            else
            {
                ReportType(name, item, "a list of text", isItem: true);
            }
        }

        return texts.ToImmutable();
    }

    /// <summary>One of a few words; null when the field is absent or holds none of them.</summary>
    public ScalarNode? Choice(string name, params ReadOnlySpan<string> words)
    {
        ScalarNode? scalar = Scalar(name);
        if (scalar is null || words.Contains(scalar.Text))
        {
            return scalar;
        }

        string list = string.Join(", ", words.ToArray().Select(static word => $"`{word}`"));
        string? near = Spelling.Closest(scalar.Text, words.ToArray());
        Sink.Report(
            PolicyDiagnostics.UnknownValue,
            scalar.At,
            $"{Quoted.Value(name)} is {Quoted.Value(scalar.Text)}, which is none of {list}",
            near is null ? $"write one of {list}" : $"did you mean `{near}`?"
        );
        return null;
    }

    /// <summary>Says that a value has the wrong form.</summary>
    public void ReportType(string name, Node value, string wanted, bool isItem = false)
    {
        string found = value switch
        {
            ScalarNode { IsNull: true } => "nothing",
            ScalarNode scalar => Quoted.Value(scalar.Text),
            SequenceNode => "a list",
            _ => "a mapping",
        };
        string what = isItem ? $"{Quoted.Value(name)} has to be {wanted} and has {found} in it" : $"{Quoted.Value(name)} has to be {wanted} and is {found}";
        Sink.Report(PolicyDiagnostics.WrongType, value.At, what);
    }

    private void ReportUnknown(ScalarNode key)
    {
        string? near = Spelling.Closest(key.Text, _schema.Fields.Where(static field => !field.IsIgnored).Select(static field => field.Name));
        Sink.Report(
            PolicyDiagnostics.UnknownField,
            key.At,
            $"{Quoted.Value(key.Text)} is not a field of {_schema.Title}",
            near is null ? null : $"did you mean `{near}`?"
        );
    }
}
