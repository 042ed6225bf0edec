using System.Buffers;
using System.Collections.Frozen;
using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Datapath.Policy.Rulesets.Yaml;

/// <summary>
/// Turns YAML or JSON text into nodes with places. It pulls events one by one and never lets the package build a tree, because the bounds on depth, size and
/// aliases have to hold before memory is spent.
/// </summary>
internal sealed class DocumentParser
{
    private const string MergeKey = "<<";
    private const string CoreTagPrefix = "tag:yaml.org,2002:";

    /// <summary>What no YAML text has. The scanner would take U+0000 for the end of the file and read a policy that breaks off as a whole one.</summary>
    private static readonly SearchValues<char> Forbidden = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Select(static code => (char)code).Except(['\t', '\n', '\r']), '\u007f']
    );

    /// <summary>Tags that only say what the value is anyway.</summary>
    private static readonly FrozenSet<string> CoreTags = new[] { "str", "int", "float", "bool", "null", "seq", "map", "timestamp" }
        .Select(static name => CoreTagPrefix + name)
        .ToFrozenSet(StringComparer.Ordinal);

    private readonly string _file;
    private readonly DiagnosticSink _sink;
    private readonly Parser _parser;
    private readonly Dictionary<string, Node?> _anchors = [];
    private long _values;

    private DocumentParser(string file, string text, DiagnosticSink sink)
    {
        _file = file;
        _sink = sink;
        _parser = new Parser(new Scanner(new StringReader(text), skipComments: true));
    }

    /// <summary>Whether a file is text of bearable length; if not, says where it stops being that.</summary>
    /// <param name="file">The file's name, for places.</param>
    /// <param name="text">Its text.</param>
    /// <param name="sink">Takes what is wrong.</param>
    public static bool IsReadable(string file, string text, DiagnosticSink sink)
    {
        if (text.Length > DocumentLimits.Characters)
        {
            sink.Report(
                PolicyDiagnostics.FileTooLong,
                PlaceOf(file, text, DocumentLimits.Characters),
                $"the file has {text.Length} characters and only {DocumentLimits.Characters} are read"
            );
            return false;
        }

        if (text.AsSpan().IndexOfAny(Forbidden) is var offset && offset >= 0)
        {
            sink.Report(
                PolicyDiagnostics.ControlCharacter,
                PlaceOf(file, text, offset),
                $"the file has the control character U+{(int)text[offset]:X4} in it, as a binary file would"
            );
            return false;
        }

        return true;
    }

    /// <summary>The documents of a readable file. After a mistake that cannot be read over, those before it.</summary>
    /// <param name="file">The file's name, for places.</param>
    /// <param name="text">Its text.</param>
    /// <param name="sink">Takes what is wrong.</param>
    public static ImmutableArray<Node> Parse(string file, string text, DiagnosticSink sink) =>
        new DocumentParser(file, text, sink).ParseStream();

    private ImmutableArray<Node> ParseStream()
    {
        ImmutableArray<Node>.Builder documents = ImmutableArray.CreateBuilder<Node>();
        try
        {
            while (Advance())
            {
                if (_parser.Current is not DocumentStart)
                {
                    continue;
                }

                // Anchors belong to one document; the budget is the file's, or it could hold documents without number.
                _anchors.Clear();
                Advance();
                if (documents.Count == DocumentLimits.Documents)
                {
                    _sink.Report(PolicyDiagnostics.TooManyValues, Here(), $"the file has more than {DocumentLimits.Documents} documents");
                    break;
                }

                Node? root = ParseNode(depth: 0);
                if (root is null)
                {
                    break;
                }

                documents.Add(root);
            }
        }
        catch (YamlException problem)
        {
            _sink.Report(PolicyDiagnostics.NotYaml, PlaceOf(problem), $"not valid YAML: {Sentence(problem.Message)}");
        }

        return documents.ToImmutable();
    }

    /// <summary>Moves to the next event.</summary>
    /// <remarks>
    /// Broken input makes the package's scanner fail with more than its own exception: an unclosed bracket after a plain value with
    /// <see cref="InvalidOperationException"/>, half a surrogate pair in an escape with <see cref="ArgumentException"/>. Both were found by damaging files at random.
    /// </remarks>
    private bool Advance()
    {
        try
        {
            return _parser.MoveNext();
        }
        catch (Exception fault) when (fault is InvalidOperationException or ArgumentException)
        {
            throw new YamlException(Mark.Empty, Mark.Empty, "From here on the text cannot be told apart, probably because a bracket or a quote is not closed", fault);
        }
    }

    /// <summary>The value at the current event; afterwards the current event is the value's last one. Null when reading has to stop.</summary>
    private Node? ParseNode(int depth)
    {
        if (depth > DocumentLimits.Depth)
        {
            _sink.Report(PolicyDiagnostics.TooDeep, Here(), $"values are nested more than {DocumentLimits.Depth} levels deep");
            return null;
        }

        if (++_values > DocumentLimits.Values)
        {
            _sink.Report(PolicyDiagnostics.TooManyValues, Here(), $"the file has more than {DocumentLimits.Values} values");
            return null;
        }

        return _parser.Current switch
        {
            Scalar scalar => Remember(scalar.Anchor, ParseScalar(scalar)),
            SequenceStart start => ParseSequence(start, depth),
            MappingStart start => ParseMapping(start, depth),
            AnchorAlias alias => ResolveAlias(alias, depth),
            var other => throw new YamlException(other?.Start ?? Mark.Empty, other?.End ?? Mark.Empty, "A value was expected"),
        };
    }

    private ScalarNode ParseScalar(Scalar scalar)
    {
        SourceSpan at = Place(scalar.Start);
        if (CheckTag(scalar, at) is { } text)
        {
            // An unquoted `!10.0.0.0/8` is an empty value with a tag; taken for the text that was meant it gives no second error.
            return new ScalarNode(at, scalar.Value.Length == 0 ? text : scalar.Value, isPlain: false);
        }

        bool isPlain = scalar.Style == ScalarStyle.Plain && (scalar.Tag.IsEmpty || scalar.Tag.Value == CoreTagPrefix + "null");
        return new ScalarNode(at, scalar.Value, isPlain);
    }

    private SequenceNode? ParseSequence(SequenceStart start, int depth)
    {
        SourceSpan at = Place(start.Start);
        CheckTag(start, at);
        Open(start.Anchor);
        ImmutableArray<Node>.Builder items = ImmutableArray.CreateBuilder<Node>();
        (long size, int height) = (1, 0);
        while (Advance() && _parser.Current is not SequenceEnd)
        {
            if (ParseNode(depth + 1) is not { } item)
            {
                return null;
            }

            items.Add(item);
            size += item.Size;
            height = Math.Max(height, item.Height + 1);
        }

        return Remember(start.Anchor, new SequenceNode(at, items.DrainToImmutable(), size, height));
    }

    private MappingNode? ParseMapping(MappingStart start, int depth)
    {
        SourceSpan at = Place(start.Start);
        CheckTag(start, at);
        Open(start.Anchor);
        MappingBuilder mapping = new(at, _sink);
        while (Advance() && _parser.Current is not MappingEnd)
        {
            if (ParseNode(depth + 1) is not { } key)
            {
                return null;
            }

            Advance();
            if (ParseNode(depth + 1) is not { } value)
            {
                return null;
            }

            if (key is ScalarNode { IsPlain: true, Text: MergeKey })
            {
                mapping.Merge(key.At, value);
            }
            else
            {
                mapping.Add(key, value);
            }
        }

        return Remember(start.Anchor, mapping.Build());
    }

    /// <summary>The node that an alias names, paid for as if it had been written out: readers walk it each time it is named.</summary>
    private Node? ResolveAlias(AnchorAlias alias, int depth)
    {
        string name = alias.Value.Value;
        if (!_anchors.TryGetValue(name, out Node? node))
        {
            _sink.Report(PolicyDiagnostics.UnknownAlias, Here(), $"the alias {Quoted.Value("*" + name)} names no anchor");
            return null;
        }

        if (node is null)
        {
            _sink.Report(PolicyDiagnostics.AliasBudget, Here(), $"the alias {Quoted.Value("*" + name)} stands inside the value it names");
            return null;
        }

        _values += node.Size;
        if (_values > DocumentLimits.Values || depth + node.Height > DocumentLimits.Depth)
        {
            _sink.Report(
                PolicyDiagnostics.AliasBudget,
                Here(),
                $"with the alias {Quoted.Value("*" + name)} the file has more than {DocumentLimits.Values} values or {DocumentLimits.Depth} levels"
            );
            return null;
        }

        return node;
    }

    /// <summary>Notes an anchor whose value is not complete yet.</summary>
    private void Open(AnchorName anchor)
    {
        if (!anchor.IsEmpty)
        {
            _anchors[anchor.Value] = null;
        }
    }

    private T Remember<T>(AnchorName anchor, T node)
        where T : Node
    {
        if (!anchor.IsEmpty)
        {
            _anchors[anchor.Value] = node;
        }

        return node;
    }

    /// <summary>YAML's own tags change nothing here; any other is a `!` that was meant as text, as in an unquoted hole of a network.</summary>
    /// <returns>The tag as written when it was reported.</returns>
    private string? CheckTag(NodeEvent node, SourceSpan at)
    {
        if (node.Tag.IsEmpty || node.Tag.IsNonSpecific || CoreTags.Contains(node.Tag.Value))
        {
            return null;
        }

        string written = node.Tag.Value.Replace(CoreTagPrefix, "!!", StringComparison.Ordinal);
        _sink.Report(
            PolicyDiagnostics.YamlTag,
            at,
            $"{Quoted.Value(written)} without quotes is a YAML tag and not text",
            $"write '{written.TrimEnd(']', ',', '}')}' in quotes"
        );
        return written;
    }

    /// <summary>Where a mistake is. Some of the package's own marks are left at the first character of the file; the last value read is nearer then.</summary>
    private SourceSpan PlaceOf(YamlException problem)
    {
        (SourceSpan start, SourceSpan current) = (Place(problem.Start), Here());
        return (current.Line, current.Column).CompareTo((start.Line, start.Column)) > 0 ? current : start;
    }

    private SourceSpan Here() => _parser.Current is { } current ? Place(current.Start) : new SourceSpan(_file, 1, 1);

    private SourceSpan Place(Mark mark) => new(_file, Math.Max(1, (int)mark.Line), Math.Max(1, (int)mark.Column));

    private static SourceSpan PlaceOf(string file, string text, int offset)
    {
        ReadOnlySpan<char> before = text.AsSpan(0, offset);
        return new SourceSpan(file, before.Count('\n') + 1, offset - before.LastIndexOf('\n'));
    }

    private static string Sentence(string message)
    {
        string sentence = message.Trim().TrimEnd('.');
        return sentence.Length == 0 ? "the text breaks off" : char.ToLowerInvariant(sentence[0]) + sentence[1..];
    }
}
