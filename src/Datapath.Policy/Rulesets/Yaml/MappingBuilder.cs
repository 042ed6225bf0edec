using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;

namespace Datapath.Policy.Rulesets.Yaml;

/// <summary>Gathers the entries of one mapping, refuses a name that comes twice, and fills in merged mappings last.</summary>
internal sealed class MappingBuilder(SourceSpan at, DiagnosticSink sink)
{
    // Most mappings have fewer names than a hash set is worth.
    private const int FewNames = 12;

    private readonly ImmutableArray<MappingEntry>.Builder _entries = ImmutableArray.CreateBuilder<MappingEntry>();
    private readonly List<MappingNode> _merged = [];
    private Dictionary<string, SourceSpan>? _places;
    private long _size = 1;
    private int _height;

    /// <summary>Adds a written entry.</summary>
    public void Add(Node key, Node value)
    {
        if (key is not ScalarNode { IsNull: false } name)
        {
            sink.Report(PolicyDiagnostics.KeyNotText, key.At, "the name of a field is missing or is not text");
            return;
        }

        if (PlaceOf(name.Text) is { } first)
        {
            sink.Report(PolicyDiagnostics.DuplicateKey, key.At, $"{Quoted.Value(name.Text)} was given at line {first.Line} already");
            return;
        }

        Append(name, value);
    }

    /// <summary>Notes the value of a merge key: its entries count where the mapping itself has none of that name.</summary>
    public void Merge(SourceSpan keyAt, Node value)
    {
        switch (value)
        {
            case MappingNode mapping:
                _merged.Add(mapping);
                break;
            case SequenceNode sequence when sequence.Items.All(static item => item is MappingNode):
                _merged.AddRange(sequence.Items.Cast<MappingNode>());
                break;
            default:
                sink.Report(PolicyDiagnostics.BadMerge, keyAt, "the merge key `<<` has a value that is not a mapping");
                break;
        }
    }

    /// <summary>The mapping.</summary>
    public MappingNode Build()
    {
        foreach (MappingEntry entry in _merged.SelectMany(static mapping => mapping.Entries))
        {
            if (PlaceOf(entry.Key.Text) is null)
            {
                Append(entry.Key, entry.Value);
            }
        }

        return new MappingNode(at, _entries.DrainToImmutable(), _size, _height);
    }

    private SourceSpan? PlaceOf(string name)
    {
        if (_places is not null)
        {
            return _places.TryGetValue(name, out SourceSpan place) ? place : null;
        }

        foreach (MappingEntry entry in _entries)
        {
            if (entry.Key.Text == name)
            {
                return entry.Key.At;
            }
        }

        return null;
    }

    private void Append(ScalarNode name, Node value)
    {
        _entries.Add(new MappingEntry(name, value));
        _size += 1 + value.Size;
        _height = Math.Max(_height, value.Height + 1);
        if (_places is not null)
        {
            _places.Add(name.Text, name.At);
        }
        else if (_entries.Count > FewNames)
        {
            _places = _entries.ToDictionary(static entry => entry.Key.Text, static entry => entry.Key.At);
        }
    }
}
