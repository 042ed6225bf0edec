using System.Collections.Immutable;
using Datapath.Backends.Host;
using Datapath.Policy.Inventory;

namespace Datapath.Agent.Loops;

/// <summary>What the agent tells the policy of its host.</summary>
internal static class HostFacts
{
    private const string KernelRelease = "/proc/sys/kernel/osrelease";

    /// <summary>The inventory of this host.</summary>
    /// <param name="snapshot">Its interfaces and addresses.</param>
    public static HostInventory Inventory(HostSnapshot snapshot) => new(Environment.MachineName, snapshot.Addresses, Tags());

    /// <summary>Whether two snapshots are the same for a policy and for the hooks.</summary>
    /// <param name="one">A snapshot.</param>
    /// <param name="other">Another.</param>
    public static bool AreEqual(HostSnapshot one, HostSnapshot other) =>
        one.Interfaces.SequenceEqual(other.Interfaces)
        && one.Addresses.SequenceEqual(other.Addresses)
        && one.LocalNetworks.SequenceEqual(other.LocalNetworks);

    // Specification c.2, the tags that can be had without asking anybody.
    private static ImmutableArray<string> Tags()
    {
        try
        {
            return [$"os:kernel={File.ReadAllText(KernelRelease).Trim()}"];
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            // A host without /proc judges all the same, by the tags that are left.
            return [];
        }
    }
}
