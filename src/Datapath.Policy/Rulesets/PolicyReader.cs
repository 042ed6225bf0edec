using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets.Reading;
using Datapath.Policy.Rulesets.Yaml;

namespace Datapath.Policy.Rulesets;

/// <summary>Reads policy files: text in, objects and diagnostics out. It opens no file and throws for no text.</summary>
public static class PolicyReader
{
    /// <summary>Reads one file.</summary>
    /// <param name="fileName">Its name as the user gave it, for places.</param>
    /// <param name="text">Its text: YAML or JSON, one or several documents.</param>
    public static PolicyReading Read(string fileName, string text) => ReadAll([(fileName, text)]);

    /// <summary>Reads files that make up one policy, in their order.</summary>
    /// <param name="files">Names and texts.</param>
    /// <remarks>
    /// A label is the key of an import: when a later file has the label of an earlier one, the earlier documents of that label are left out, with a warning,
    /// as importing one after the other would do (specification a.9). Documents of one file are one import, so there equal labels add up.
    /// </remarks>
    public static PolicyReading ReadAll(IEnumerable<(string FileName, string Text)> files)
    {
        DiagnosticSink sink = new();
        List<WrittenObjects> documents = [];
        foreach ((string fileName, string text) in files)
        {
            List<WrittenObjects> read = ReadFile(fileName, text, sink);
            DropReplaced(documents, read, sink);
            documents.AddRange(read);
        }

        return new PolicyReading(WrittenObjects.Join(documents), sink.ToSorted());
    }

    private static List<WrittenObjects> ReadFile(string fileName, string text, DiagnosticSink sink)
    {
        if (!DocumentParser.IsReadable(fileName, text, sink) || ForeignFormats.HasTemplate(fileName, text, sink))
        {
            return [];
        }

        return [.. DocumentParser.Parse(fileName, text, sink).Select(document => DocumentReader.Read(document, sink))];
    }

    /// <summary>Leaves out what a later file imports anew under the same label.</summary>
    private static void DropReplaced(List<WrittenObjects> earlier, List<WrittenObjects> later, DiagnosticSink sink)
    {
        Dictionary<string, SourceSpan> labels = new(StringComparer.Ordinal);
        foreach (WrittenObjects document in later)
        {
            if (document.Label is { } label)
            {
                labels.TryAdd(label.Text, label.At);
            }
        }

        foreach (WrittenObjects document in earlier)
        {
            if (document.Label is { } label && labels.TryGetValue(label.Text, out SourceSpan at))
            {
                sink.Report(PolicyDiagnostics.LabelReplaced, label.At, $"the objects of the label {Quoted.Value(label.Text)} are replaced by those of {at}");
            }
        }

        earlier.RemoveAll(document => document.Label is { } label && labels.ContainsKey(label.Text));
    }
}
