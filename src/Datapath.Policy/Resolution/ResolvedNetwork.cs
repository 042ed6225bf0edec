using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Resolution;

/// <summary>An external network with everything that selectors can see.</summary>
/// <param name="At">Where it is written.</param>
/// <param name="Name">Its name.</param>
/// <param name="Namespace">Absolute path of its namespace.</param>
/// <param name="Propagate">Whether rulesets of descendant namespaces may name it.</param>
/// <param name="Tags">Its tags, each once, sorted.</param>
/// <param name="Entries">As written; an address is a member when its longest entry is not a hole.</param>
public sealed record ResolvedNetwork(
    SourceSpan At,
    string Name,
    string Namespace,
    bool Propagate,
    ImmutableArray<string> Tags,
    ImmutableArray<NetworkEntry> Entries
);
