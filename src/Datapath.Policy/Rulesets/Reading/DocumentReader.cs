using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets.Schema;
using Datapath.Policy.Rulesets.Yaml;

namespace Datapath.Policy.Rulesets.Reading;

/// <summary>Reads one document: an import file, or one bare object whose kind its fields tell (specification a.9).</summary>
internal static class DocumentReader
{
    /// <summary>The objects of a document; none when it is not one of ours, and said why.</summary>
    public static WrittenObjects Read(Node document, DiagnosticSink sink)
    {
        WrittenObjects objects = new();
        switch (document)
        {
            // An empty document, as after a last `---`.
            case ScalarNode { IsNull: true }:
                break;
            case MappingNode root:
                ReadRoot(root, objects, sink);
                break;
            default:
                string found = document is SequenceNode ? "a list" : "text";
                sink.Report(PolicyDiagnostics.UnknownDocument, document.At, $"the document is {found} and not a mapping");
                break;
        }

        return objects;
    }

    private static void ReadRoot(MappingNode root, WrittenObjects objects, DiagnosticSink sink)
    {
        if (ForeignFormats.IsKubernetes(root, sink))
        {
            return;
        }

        bool isImport = root.Find("data") is not null || root.Find("APIVersion") is not null || root.Find("label") is not null;
        if (isImport)
        {
            ReadImport(root, objects, sink);
        }
        else if (ForeignFormats.IsLegacyObject(root, sink))
        {
            return;
        }
        else if (KindOf(root) is { } resource)
        {
            ObjectReader.Read(resource, root, objects, sink);
        }
        else
        {
            ReportUnknown(root, sink);
        }
    }

    /// <summary>
    /// The kind of a bare object: the first resource with a field that only it has. A subject without rules is a ruleset that has none yet; a subject and an
    /// object are a mapping of profiles, because what else has both is a legacy policy and was refused before.
    /// </summary>
    private static ResourceSchema? KindOf(MappingNode root) =>
        PolicySchema.Resources.FirstOrDefault(resource => root.Entries.Any(entry => resource.Find(entry.Key.Text) is { IsTelling: true }))
        ?? (root.Find("subject") is null ? null : NetworkRulesetSchema.Resource);

    private static void ReadImport(MappingNode root, WrittenObjects objects, DiagnosticSink sink)
    {
        FieldReader fields = new(root, PolicySchema.ImportFile, sink);
        if (fields.Scalar("APIVersion") is { } version && version.Text is not ("0" or "1"))
        {
            sink.Report(PolicyDiagnostics.BadApiVersion, version.At, $"the APIVersion is {Quoted.Value(version.Text)} and has to be 0 or 1");
        }

        if (fields.Scalar("label") is { Text.Length: > 0 } label)
        {
            objects.Label = (label.Text, label.At);
        }

        // A table of contents that the product writes; what counts is what stands under `data`.
        _ = fields.Texts("identities");
        switch (fields.Find("data"))
        {
            case null:
                break;
            case MappingNode data:
                ReadData(data, objects, sink);
                break;
            case var other:
                fields.ReportType("data", other, "a mapping of lists");
                break;
        }
    }

    private static void ReadData(MappingNode data, WrittenObjects objects, DiagnosticSink sink)
    {
        foreach ((ScalarNode name, Node value) in data.Entries)
        {
            if (PolicySchema.FindResource(name.Text) is not { } resource)
            {
                ForeignFormats.ReportResource(name, PolicySchema.ResourceNames, sink);
                continue;
            }

            switch (value)
            {
                case ScalarNode { IsNull: true }:
                    break;
                case SequenceNode list:
                    ReadList(resource, name, list, objects, sink);
                    break;
                default:
                    sink.Report(PolicyDiagnostics.WrongType, value.At, $"{Quoted.Value(name.Text)} has to be a list of objects");
                    break;
            }
        }
    }

    private static void ReadList(ResourceSchema resource, ScalarNode name, SequenceNode list, WrittenObjects objects, DiagnosticSink sink)
    {
        foreach (Node item in list.Items)
        {
            if (item is MappingNode node)
            {
                ObjectReader.Read(resource, node, objects, sink);
            }
            else
            {
                sink.Report(PolicyDiagnostics.WrongType, item.At, $"an item of {Quoted.Value(name.Text)} has to be a mapping");
            }
        }
    }

    private static void ReportUnknown(MappingNode root, DiagnosticSink sink)
    {
        ScalarNode? list = root
            .Entries.Select(static entry => entry.Key)
            .FirstOrDefault(static key => PolicySchema.FindResource(key.Text) is not null);
        sink.Report(
            PolicyDiagnostics.UnknownDocument,
            list?.At ?? root.At,
            list is null
                ? "the document is neither an import file nor an object of a kind that its fields tell"
                : $"{Quoted.Value(list.Text)} stands at the top of the document",
            list is null ? null : "write it under `data:`"
        );
    }
}
