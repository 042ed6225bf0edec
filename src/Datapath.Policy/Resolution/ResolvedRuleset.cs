using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Resolution;

/// <summary>A ruleset in force.</summary>
/// <param name="At">Where it is written.</param>
/// <param name="Name">Its name.</param>
/// <param name="Namespace">Absolute path of its namespace.</param>
/// <param name="Propagate">Whether it applies in descendant namespaces.</param>
/// <param name="IsFallback">Whether it counts only where no other ruleset applies.</param>
/// <param name="Incoming">Its rules for connections towards its units, in written order.</param>
/// <param name="Outgoing">Its rules for connections that its units open, in written order.</param>
public sealed record ResolvedRuleset(
    SourceSpan At,
    string Name,
    string Namespace,
    bool Propagate,
    bool IsFallback,
    ImmutableArray<ResolvedRule> Incoming,
    ImmutableArray<ResolvedRule> Outgoing
)
{
    /// <summary>The rules of one direction.</summary>
    /// <param name="direction">Which.</param>
    public ImmutableArray<ResolvedRule> Rules(Direction direction) => direction == Direction.Incoming ? Incoming : Outgoing;
}

/// <summary>A rule with its peers found.</summary>
public sealed record ResolvedRule
{
    /// <summary>What events and commands call it.</summary>
    public required RuleIdentity Identity { get; init; }

    /// <summary>What happens to a connection that matches.</summary>
    public required Verdict Action { get; init; }

    /// <summary>Its peers: index into <see cref="ResolvedPolicy.Peers"/>.</summary>
    public required int Peers { get; init; }

    /// <summary>Destination ports and protocols; empty means any.</summary>
    public required ImmutableArray<ProtocolPort> ProtocolPorts { get; init; }

    /// <summary>Whether flows that it decides are reported.</summary>
    public required bool IsLogged { get; init; }

    /// <summary>Whether it only reports what it would do.</summary>
    public required bool IsObserving { get; init; }

    /// <summary>A hash of everything written in the rule except its name: a rule that changes is another rule to the counters.</summary>
    public required ulong Content { get; init; }
}

/// <summary>A ruleset that is not in force.</summary>
/// <param name="At">Where it is written.</param>
/// <param name="Name">Its name.</param>
/// <param name="Namespace">Absolute path of its namespace.</param>
/// <param name="Reason">Why, as part of a sentence: "it is disabled".</param>
public sealed record InactiveRuleset(SourceSpan At, string Name, string Namespace, string Reason);
