using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;

namespace Datapath.Policy.Rulesets;

/// <summary>A network ruleset as written (specification a.2).</summary>
public sealed record NetworkRuleset : WrittenObject
{
    /// <summary>The processing units that it applies to.</summary>
    public required TagExpression Subject { get; init; }

    /// <summary>Rules for connections opened towards the subject.</summary>
    public ImmutableArray<NetworkRule> IncomingRules { get; init; } = [];

    /// <summary>Rules for connections that the subject opens.</summary>
    public ImmutableArray<NetworkRule> OutgoingRules { get; init; } = [];

    /// <summary>Applies in all descendant namespaces too.</summary>
    public bool Propagate { get; init; }

    /// <summary>Counts only when no other ruleset resolves for the unit.</summary>
    public bool Fallback { get; init; }

    /// <summary>As if it were not there.</summary>
    public bool Disabled { get; init; }
}

/// <summary>One rule of a ruleset (specification a.3).</summary>
public sealed record NetworkRule
{
    /// <summary>Where the rule begins in its file.</summary>
    public required SourceSpan At { get; init; }

    /// <summary>What happens to a connection that matches.</summary>
    public required Verdict Action { get; init; }

    /// <summary>The peers: processing units and external networks with these tags.</summary>
    public required TagExpression Object { get; init; }

    /// <summary>Destination ports and protocols; empty means any.</summary>
    public ImmutableArray<ProtocolPort> ProtocolPorts { get; init; } = [];

    /// <summary>Flows that this rule decides are not reported.</summary>
    public bool LogsDisabled { get; init; }

    /// <summary>Reports what it would do, decides nothing (specification b.5).</summary>
    public bool ObservationEnabled { get; init; }

    /// <summary>At most 16 characters, or empty.</summary>
    public string Name { get; init; } = "";
}

/// <summary>One entry of <c>protocolPorts</c> (specification b.6): a run of keys of one port table.</summary>
/// <param name="Text">The entry as written, in lower case.</param>
/// <param name="Protocol">IANA protocol number; -1 for <c>any</c>.</param>
/// <param name="Ranges">
/// Inclusive ranges of keys: ports for TCP and UDP, <c>type &lt;&lt; 8 | code</c> for ICMP and ICMPv6; empty means all, and is the only form for other protocols.
/// </param>
public sealed record ProtocolPort(string Text, int Protocol, ImmutableArray<KeyRange> Ranges)
{
    /// <summary>The protocol number that stands for <c>any</c>.</summary>
    public const int AnyProtocol = -1;
}

/// <summary>An inclusive range of port keys.</summary>
/// <param name="First">The lowest key.</param>
/// <param name="Last">The highest key; not below <paramref name="First"/>.</param>
public readonly record struct KeyRange(ushort First, ushort Last);
