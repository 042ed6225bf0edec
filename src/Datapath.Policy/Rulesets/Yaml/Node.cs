using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;

namespace Datapath.Policy.Rulesets.Yaml;

/// <summary>A value of a document with its place. Nodes are immutable, so an alias can share the one it names.</summary>
/// <param name="at">Where the value begins.</param>
/// <param name="size">Values in this one, itself included, every alias counted as if it were written out.</param>
/// <param name="height">Levels below this one: 0 for text.</param>
internal abstract class Node(SourceSpan at, long size, int height)
{
    /// <summary>Where the value begins; for an aliased value where its anchor is.</summary>
    public SourceSpan At { get; } = at;

    /// <summary>Values in this one, itself included, every alias counted as if it were written out.</summary>
    public long Size { get; } = size;

    /// <summary>Levels below this one: 0 for text.</summary>
    public int Height { get; } = height;
}

/// <summary>Text, a number, a boolean or nothing: YAML's plain forms are told apart only where a field asks.</summary>
internal sealed class ScalarNode(SourceSpan at, string text, bool isPlain) : Node(at, size: 1, height: 0)
{
    /// <summary>The text without quotes.</summary>
    public string Text { get; } = text;

    /// <summary>Written without quotes, so that <c>true</c> is a boolean and <c>null</c> nothing.</summary>
    public bool IsPlain { get; } = isPlain;

    /// <summary>Nothing was written, or one of YAML's words for nothing.</summary>
    public bool IsNull => IsPlain && Text is ("" or "~" or "null" or "Null" or "NULL");
}

/// <summary>A list.</summary>
internal sealed class SequenceNode(SourceSpan at, ImmutableArray<Node> items, long size, int height) : Node(at, size, height)
{
    /// <summary>The items in order.</summary>
    public ImmutableArray<Node> Items { get; } = items;
}

/// <summary>Names and values; no name occurs twice.</summary>
internal sealed class MappingNode(SourceSpan at, ImmutableArray<MappingEntry> entries, long size, int height) : Node(at, size, height)
{
    /// <summary>The entries in the order written, merged ones last.</summary>
    public ImmutableArray<MappingEntry> Entries { get; } = entries;

    /// <summary>The value of a name; null when it is absent.</summary>
    /// <param name="name">Compared exactly.</param>
    public Node? Find(string name)
    {
        foreach (MappingEntry entry in Entries)
        {
            if (entry.Key.Text == name)
            {
                return entry.Value;
            }
        }

        return null;
    }
}

/// <summary>One name with its value.</summary>
/// <param name="Key">The name, with its place.</param>
/// <param name="Value">The value.</param>
internal readonly record struct MappingEntry(ScalarNode Key, Node Value);
