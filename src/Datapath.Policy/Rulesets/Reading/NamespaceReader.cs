using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets.Yaml;

namespace Datapath.Policy.Rulesets.Reading;

/// <summary>Reads a namespace (specification a.5).</summary>
internal static class NamespaceReader
{
    public static NamespaceDefinition Read(FieldReader fields)
    {
        string parent = NamespacePath.Read(fields);
        string name = ObjectReader.Name(fields);
        return new NamespaceDefinition
        {
            At = fields.At,
            Name =
                name.Length > 0 && fields.Scalar("name") is { } node
                    ? NamespacePath.Check(node, fields.Sink, NamespacePath.Levels(parent))
                    : name,
            Namespace = parent,
            Description = ObjectReader.Description(fields),
            AssociatedTags = TagReader.AssociatedTags(fields),
            Metadata = TagReader.Metadata(fields),
            DefaultIncoming = Action(fields, "defaultPUIncomingTrafficAction"),
            DefaultOutgoing = Action(fields, "defaultPUOutgoingTrafficAction"),
            TagPrefixes = Prefixes(fields),
            OrganizationalMetadata = TagReader.Organization(fields),
        };
    }

    private static DefaultAction Action(FieldReader fields, string name) =>
        fields.Choice(name, "Allow", "Reject", "Inherit")?.Text switch
        {
            "Allow" => DefaultAction.Allow,
            "Reject" => DefaultAction.Reject,
            _ => DefaultAction.Inherit,
        };

    /// <summary>An empty prefix would let every tag through, and a blank before the <c>=</c> can begin no tag.</summary>
    private static ImmutableArray<string> Prefixes(FieldReader fields)
    {
        ImmutableArray<string>.Builder prefixes = ImmutableArray.CreateBuilder<string>();
        foreach (ScalarNode node in fields.Texts("tagPrefixes"))
        {
            string key = node.Text.Split('=', 2)[0];
            if (key.Length == 0 || key.Contains(' '))
            {
                fields.Sink.Report(PolicyDiagnostics.BadPrefix, node.At, $"{Quoted.Value(node.Text)} is not the beginning of a tag");
                continue;
            }

            prefixes.Add(node.Text);
        }

        return prefixes.ToImmutable();
    }
}
