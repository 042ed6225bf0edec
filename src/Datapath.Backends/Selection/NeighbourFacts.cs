using System.Collections.Immutable;

namespace Datapath.Backends.Selection;

/// <summary>What others have on this host, before anybody says who they are.</summary>
internal sealed record NeighbourFacts
{
    /// <summary>Names of the processes that can be seen, as /proc/PID/comm has them: at most 15 characters.</summary>
    public required ImmutableHashSet<string> Processes { get; init; }

    /// <summary>Programs and filters at tc that are not ours, as <c>eth0: cil_from_netdev</c>, in ordinal order; null when they could not be listed.</summary>
    public required ImmutableArray<string>? TrafficPrograms { get; init; }

    /// <summary>Chains of iptables, both variants and families, by name; null when they could not be listed.</summary>
    public required ImmutableHashSet<string>? Chains { get; init; }

    /// <summary>Text of /etc/ufw/ufw.conf; null when there is none.</summary>
    public required string? UfwConfiguration { get; init; }

    /// <summary>Files from which distributions load rules of iptables at boot, as far as they have chains of ours, in ordinal order.</summary>
    public required ImmutableArray<string> SavedWithOurs { get; init; }
}
