using System.Collections.Immutable;

namespace Datapath.Policy.Rulesets;

/// <summary>Settings of an enforcer that bear on packets (specification a.6).</summary>
public sealed record EnforcerProfile : WrittenObject
{
    /// <summary>Networks whose traffic passes untouched; <c>!</c> entries are holes.</summary>
    public ImmutableArray<NetworkEntry> ExcludedNetworks { get; init; } = [];

    /// <summary>Interfaces whose traffic passes untouched.</summary>
    public ImmutableArray<string> ExcludedInterfaces { get; init; } = [];

    /// <summary>Units with these tags are never judged; null when unset.</summary>
    public TagExpression? IgnoreExpression { get; init; }

    /// <summary>Managed TCP networks; empty means all.</summary>
    public ImmutableArray<NetworkEntry> TargetNetworks { get; init; } = [];

    /// <summary>Visible in all descendant namespaces.</summary>
    public bool Propagate { get; init; }
}

/// <summary>Which enforcers use which profile (specification a.6).</summary>
public sealed record EnforcerProfileMapping : WrittenObject
{
    /// <summary>Tags of the enforcer.</summary>
    public required TagExpression Subject { get; init; }

    /// <summary>Tags of the profile.</summary>
    public required TagExpression Object { get; init; }

    /// <summary>Applies in all descendant namespaces too.</summary>
    public bool Propagate { get; init; }

    /// <summary>Counts only where no other mapping does.</summary>
    public bool Fallback { get; init; }

    /// <summary>As if it were not there.</summary>
    public bool Disabled { get; init; }
}
