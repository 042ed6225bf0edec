using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Datapath.Policy.Rulesets.Schema;

/// <summary>The fields that one kind of mapping may have.</summary>
/// <param name="Title">What a message calls it, with its article: <c>an external network</c>.</param>
/// <param name="Summary">What it is, for the reference.</param>
/// <param name="Fields">In the order of the reference.</param>
public record MappingSchema(string Title, string Summary, ImmutableArray<FieldSchema> Fields)
{
    private readonly FrozenDictionary<string, FieldSchema> _byName = Fields.ToFrozenDictionary(static field => field.Name, StringComparer.Ordinal);

    /// <summary>The field of a name; null when there is none.</summary>
    /// <param name="name">Compared exactly.</param>
    public FieldSchema? Find(string name) => _byName.GetValueOrDefault(name);
}

/// <summary>A kind of object that stands in the <c>data</c> of an import file, or alone in a file.</summary>
/// <param name="Kind">Which one.</param>
/// <param name="Title">What a message calls it, with its article.</param>
/// <param name="Names">Names of its list under <c>data</c>: the usual one first, then the singular, then short ones.</param>
/// <param name="Summary">What it is, for the reference.</param>
/// <param name="Fields">In the order of the reference.</param>
public sealed record ResourceSchema(
    ResourceKind Kind,
    string Title,
    ImmutableArray<string> Names,
    string Summary,
    ImmutableArray<FieldSchema> Fields
) : MappingSchema(Title, Summary, Fields);

/// <summary>The kinds of objects that are read.</summary>
public enum ResourceKind
{
    /// <summary>A namespace.</summary>
    Namespace,

    /// <summary>An external network.</summary>
    ExternalNetwork,

    /// <summary>A network ruleset.</summary>
    NetworkRuleset,

    /// <summary>A processing unit.</summary>
    ProcessingUnit,

    /// <summary>An enforcer profile.</summary>
    EnforcerProfile,

    /// <summary>A mapping of a profile to enforcers.</summary>
    EnforcerProfileMapping,
}
