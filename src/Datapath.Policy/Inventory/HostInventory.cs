using System.Collections.Immutable;
using System.Net;

namespace Datapath.Policy.Inventory;

/// <summary>What the agent knows about its own host; the host is always a processing unit (specification d.1).</summary>
/// <param name="HostName">Name of the host, for <c>@os:hostname=</c> and <c>$name=</c>.</param>
/// <param name="Addresses">Its addresses of both families, loopback left out.</param>
/// <param name="Tags">Tags of specification c.2 that only the agent can know (<c>os:kernel=</c>, <c>os:ip=</c>, …) and those of <c>--tag</c>.</param>
public sealed record HostInventory(string HostName, ImmutableArray<IPAddress> Addresses, ImmutableArray<string> Tags)
{
    /// <summary>A host that nothing is known of, for checking files without an agent.</summary>
    public static HostInventory Unknown { get; } = new("localhost", [], []);
}
