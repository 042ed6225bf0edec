using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets.Yaml;

namespace Datapath.Policy.Rulesets.Reading;

/// <summary>Checks paths of namespaces (specification a.5).</summary>
internal static class NamespacePath
{
    private const int DeepestLevel = 16;

    /// <summary>The field <c>namespace</c> of any object; empty when it is absent.</summary>
    public static string Read(FieldReader fields) => fields.Scalar("namespace") is { } node ? Check(node, fields.Sink) : "";

    /// <summary>A path as written; empty, and said why, when it is malformed.</summary>
    /// <param name="node">Absolute or relative.</param>
    /// <param name="sink">Takes what is wrong.</param>
    /// <param name="levelsAbove">Levels that are known to lie above a relative path.</param>
    public static string Check(ScalarNode node, DiagnosticSink sink, int levelsAbove = 0)
    {
        string path = node.Text;
        if (path == "/")
        {
            return path;
        }

        ReadOnlySpan<char> rest = path.StartsWith('/') ? path.AsSpan(1) : path;
        int levels = path.StartsWith('/') ? 0 : levelsAbove;
        foreach (Range range in rest.Split('/'))
        {
            levels++;
            if (!IsPart(rest[range]))
            {
                sink.Report(PolicyDiagnostics.BadNamespace, node.At, $"{Quoted.Value(path)} is not the path of a namespace");
                return "";
            }
        }

        if (levels > DeepestLevel)
        {
            sink.Report(PolicyDiagnostics.NamespaceTooDeep, node.At, $"the namespace {Quoted.Value(path)} is {levels} levels deep");
            return "";
        }

        return path;
    }

    /// <summary>Levels of a checked absolute path; 0 for a relative one, whose place is not known here.</summary>
    public static int Levels(string path) => path.StartsWith('/') && path.Length > 1 ? path.Count(static c => c == '/') : 0;

    private static bool IsPart(ReadOnlySpan<char> part)
    {
        foreach (char character in part)
        {
            if (!char.IsAsciiLetterOrDigit(character) && character is not ('-' or '_'))
            {
                return false;
            }
        }

        return !part.IsEmpty;
    }
}
