namespace Datapath.Policy.Rulesets.Schema;

/// <summary>One field of a mapping in a policy file.</summary>
/// <param name="Name">As written in files.</param>
/// <param name="Type">What it holds.</param>
/// <param name="Rule">What it means and what is checked, one line for the reference.</param>
public sealed record FieldSchema(string Name, FieldType Type, string Rule)
{
    /// <summary>Its absence is an error.</summary>
    public bool IsRequired { get; init; }

    /// <summary>What its absence means, as text for the reference; empty when that needs no words.</summary>
    public string Default { get; init; } = "";

    /// <summary>Known from exported files and accepted without a word, because it has no bearing on packets.</summary>
    public bool IsIgnored { get; init; }

    /// <summary>Fields of the mapping, or of each mapping of the list, that it holds; null for other types.</summary>
    public MappingSchema? Nested { get; init; }

    /// <summary>Tells an object of this resource from all others when it stands alone in a file.</summary>
    public bool IsTelling { get; init; }
}

/// <summary>What a field holds.</summary>
public enum FieldType
{
    /// <summary>Anything: the field is not looked at.</summary>
    Any,

    /// <summary>Text.</summary>
    Text,

    /// <summary><c>true</c> or <c>false</c>, without quotes.</summary>
    Boolean,

    /// <summary>A list of text.</summary>
    TextList,

    /// <summary>A list of <c>key=value</c>.</summary>
    TagList,

    /// <summary>A list of lists of <c>key=value</c>: OR of ANDs.</summary>
    TagExpression,

    /// <summary>A list of networks, with holes.</summary>
    NetworkList,

    /// <summary>A list of protocols and ports.</summary>
    PortList,

    /// <summary>A mapping with fields of its own.</summary>
    Mapping,

    /// <summary>A list of mappings with fields of their own.</summary>
    MappingList,
}
