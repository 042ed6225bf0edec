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

    /// <summary>Where flow records go besides; null when the profile does not say that they do.</summary>
    public SyslogProfile? Syslog { get; init; }

    /// <summary>Visible in all descendant namespaces.</summary>
    public bool Propagate { get; init; }
}

/// <summary>What a profile says of syslog, as written: what it means is the agent's to know (specification a.6).</summary>
/// <param name="Endpoint">A URL; empty for the log of the host.</param>
/// <param name="Format"><c>AUTO</c>, <c>BSD</c> or <c>IETF</c>; empty for the first.</param>
/// <param name="Facility">A number; empty for "user".</param>
/// <param name="ServerCa">PEM, or a path; empty for those that the system trusts.</param>
/// <param name="ClientCertificate">PEM, or a path; empty for none.</param>
/// <param name="ClientKey">PEM, or a path; empty when it is with the certificate.</param>
public sealed record SyslogProfile(string Endpoint, string Format, string Facility, string ServerCa, string ClientCertificate, string ClientKey);

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
