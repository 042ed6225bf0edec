using System.Collections.Immutable;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Resolution;

/// <summary>
/// What the written objects mean for this host: names are paths, tags are complete, selectors are lists of the units and networks
/// that they match. Precedence is not yet decided.
/// </summary>
public sealed record ResolvedPolicy
{
    /// <summary>Every namespace that is declared, used or an ancestor of one, by path.</summary>
    public required ImmutableArray<ResolvedNamespace> Namespaces { get; init; }

    /// <summary>The host first, then the written units that are not archived, in written order.</summary>
    public required ImmutableArray<ResolvedUnit> Units { get; init; }

    /// <summary>The external networks that are not archived, in written order.</summary>
    public required ImmutableArray<ResolvedNetwork> Networks { get; init; }

    /// <summary>The distinct peers that rules name.</summary>
    public required ImmutableArray<PeerSet> Peers { get; init; }

    /// <summary>The rulesets in force, in the order in which they are named: namespace depth, name, namespace, written order.</summary>
    public required ImmutableArray<ResolvedRuleset> Rulesets { get; init; }

    /// <summary>The rulesets that are not in force, in written order, each with the reason.</summary>
    public required ImmutableArray<InactiveRuleset> Inactive { get; init; }

    /// <summary>The enforcer profile of this host; null when none is mapped to it.</summary>
    public required ResolvedProfile? Profile { get; init; }

    /// <summary>The failsafe ports of the host, the first that matches is named.</summary>
    public required ImmutableArray<FailsafePort> Failsafe { get; init; }

    /// <summary>Failsafe ports also defeat an explicit Reject.</summary>
    public required bool FailsafeBeatsReject { get; init; }
}

/// <summary>The enforcer profile that is mapped to this host (specification a.6).</summary>
/// <param name="Name">The profile's name.</param>
/// <param name="Namespace">Absolute path of its namespace.</param>
/// <param name="ExcludedNetworks">Peers whose packets pass untouched.</param>
/// <param name="ExcludedInterfaces">Interfaces whose packets pass untouched.</param>
public sealed record ResolvedProfile(
    string Name,
    string Namespace,
    ImmutableArray<NetworkEntry> ExcludedNetworks,
    ImmutableArray<string> ExcludedInterfaces
)
{
    /// <summary>Where flow records go besides; null when the profile does not say that they do.</summary>
    public SyslogProfile? Syslog { get; init; }
}

/// <summary>The peers that one object expression stands for.</summary>
/// <param name="Units">Indexes into <see cref="ResolvedPolicy.Units"/>, ascending.</param>
/// <param name="Networks">Indexes into <see cref="ResolvedPolicy.Networks"/>, ascending; only those that the ruleset's namespace may name.</param>
public sealed record PeerSet(ImmutableArray<int> Units, ImmutableArray<int> Networks);
