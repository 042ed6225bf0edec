using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;

namespace Datapath.Policy.Rulesets;

/// <summary>What every written object has (specification a.1).</summary>
public abstract record WrittenObject
{
    /// <summary>Where the object begins in its file.</summary>
    public required SourceSpan At { get; init; }

    /// <summary>The object's name; not unique.</summary>
    public required string Name { get; init; }

    /// <summary>Namespace as written: absolute (<c>/a/b</c>), relative, or empty for the namespace that the command was given.</summary>
    public string Namespace { get; init; } = "";

    /// <summary>Free text for people.</summary>
    public string Description { get; init; } = "";

    /// <summary>User tags, <c>key=value</c>.</summary>
    public ImmutableArray<string> AssociatedTags { get; init; } = [];

    /// <summary>Tags fixed at creation; each begins with <c>@</c>.</summary>
    public ImmutableArray<string> Metadata { get; init; } = [];
}

/// <summary>A tag expression: the outer list is OR, the inner ones are AND (specification b.1).</summary>
/// <param name="Clauses">At least one clause, none empty, no tag twice in a clause.</param>
public sealed record TagExpression(ImmutableArray<ImmutableArray<string>> Clauses);
