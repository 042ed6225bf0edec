using System.Collections.Immutable;
using Datapath.Policy.Compilation;

namespace Datapath.Policy.Resolution;

/// <summary>A namespace with everything that it inherits.</summary>
/// <param name="Path">Absolute: <c>/</c> or <c>/a/b</c>.</param>
/// <param name="Depth">0 for the root.</param>
/// <param name="Incoming">What happens to connections towards its units that no rule decides.</param>
/// <param name="Outgoing">What happens to connections that its units open and no rule decides.</param>
/// <param name="TagPrefixes">Prefixes of the tags that its rulesets may use, inherited ones first.</param>
/// <param name="OrganizationTags">The <c>@org:</c> tags that its objects carry, inherited ones first.</param>
public sealed record ResolvedNamespace(
    string Path,
    int Depth,
    ResolvedDefault Incoming,
    ResolvedDefault Outgoing,
    ImmutableArray<string> TagPrefixes,
    ImmutableArray<string> OrganizationTags
);

/// <summary>A default action and where it comes from.</summary>
/// <param name="Verdict">The action.</param>
/// <param name="SetBy">Path of the nearest namespace that says so; the root when none does.</param>
public readonly record struct ResolvedDefault(Verdict Verdict, string SetBy);
