using System.Collections.Immutable;
using System.Net;
using Datapath.Interop.Netlink;

namespace Datapath.Backends.Host;

/// <summary>What a host takes from the network by its routing tables: pure, so that every case is a test without a kernel.</summary>
public static class LocalNetworks
{
    // RT_TABLE_LOCAL of linux/rtnetlink.h.
    private const uint LocalTable = 255;

    /// <summary>The destinations of local, broadcast and anycast routes in the tables that packets from the network meet.</summary>
    /// <param name="routes">Of all tables.</param>
    /// <param name="rules">That choose the table; none where the kernel has no rules.</param>
    /// <returns>Each once, sorted.</returns>
    /// <remarks>
    /// A table that only marked packets meet is left out: the mark is given after our hook, so that such a packet is redirected like one of
    /// a DNAT rule (TPROXY is set up with a local route of every address). Any other condition of a rule is taken for fulfilled.
    /// </remarks>
    public static ImmutableArray<IPNetwork> Of(IEnumerable<NetworkRoute> routes, IReadOnlyCollection<RoutingRule> rules)
    {
        HashSet<uint> met = [LocalTable, .. rules.Where(rule => !rule.NeedsMark).Select(rule => rule.Table)];
        HashSet<uint> named = [.. rules.Select(rule => rule.Table)];
        bool hasVirtualRouters = rules.Any(rule => rule.IsOfVirtualRouters);
        return
        [
            .. routes
                .Where(route => met.Contains(route.Table) || (hasVirtualRouters && !named.Contains(route.Table)))
                .Select(route => route.Destination)
                .Distinct()
                .OrderBy(network => network.ToString(), StringComparer.Ordinal),
        ];
    }
}
