using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;

namespace Datapath.Policy.Rulesets;

/// <summary>A named set of networks and host names without an enforcer (specification a.4).</summary>
public sealed record ExternalNetwork : WrittenObject
{
    /// <summary>At least one entry.</summary>
    public required ImmutableArray<NetworkEntry> Entries { get; init; }

    /// <summary>Visible in all descendant namespaces.</summary>
    public bool Propagate { get; init; }

    /// <summary>Softly deleted: as if it were not there.</summary>
    public bool Archived { get; init; }
}

/// <summary>One entry of an external network.</summary>
/// <param name="At">Where it stands.</param>
/// <param name="Text">The entry as written.</param>
/// <param name="Kind">Network, hole or name.</param>
/// <param name="Network">The network with its host bits masked away; default for a host name.</param>
public readonly record struct NetworkEntry(SourceSpan At, string Text, NetworkEntryKind Kind, IpPrefix Network);

/// <summary>What an entry of an external network is.</summary>
public enum NetworkEntryKind
{
    /// <summary>A CIDR or a single address.</summary>
    Network,

    /// <summary>A hole, written <c>!CIDR</c>.</summary>
    Exclusion,

    /// <summary>A host name or a <c>*.</c> wildcard; its addresses are learned later.</summary>
    HostName,
}
