using System.Collections.Immutable;

namespace Datapath.Policy.Rulesets;

/// <summary>A namespace as written (specification a.5).</summary>
public sealed record NamespaceDefinition : WrittenObject
{
    /// <summary>What happens to connections towards its units that no rule decides.</summary>
    public DefaultAction DefaultIncoming { get; init; } = DefaultAction.Inherit;

    /// <summary>What happens to connections that its units open and no rule decides.</summary>
    public DefaultAction DefaultOutgoing { get; init; } = DefaultAction.Inherit;

    /// <summary>Prefixes of tags that rulesets may use, besides the inherited ones.</summary>
    public ImmutableArray<string> TagPrefixes { get; init; } = [];

    /// <summary>Tags that its objects inherit; each begins with <c>@org:</c>.</summary>
    public ImmutableArray<string> OrganizationalMetadata { get; init; } = [];
}

/// <summary>The action of a namespace where no rule decides (specification b.4).</summary>
public enum DefaultAction
{
    /// <summary>What the parent says.</summary>
    Inherit,

    /// <summary>Allow: discovery mode.</summary>
    Allow,

    /// <summary>Reject: enforcing mode.</summary>
    Reject,
}
