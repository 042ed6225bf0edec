using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Resolution;

/// <summary>Stage 2: what was written becomes what it means for this host.</summary>
public static class PolicyResolver
{
    /// <summary>Relates the written objects to each other and to the host.</summary>
    /// <param name="written">The objects of all files.</param>
    /// <param name="inventory">What the agent knows of its host.</param>
    /// <param name="options">The options that bear on meaning.</param>
    /// <param name="memory">What earlier resolutions left, to be quicker by it; null to start from nothing.</param>
    public static PolicyResolution Resolve(WrittenPolicy written, HostInventory inventory, PolicyOptions options, ResolutionMemory? memory = null)
    {
        ArgumentNullException.ThrowIfNull(written);
        ArgumentNullException.ThrowIfNull(inventory);
        ArgumentNullException.ThrowIfNull(options);
        if (memory?.Last?.Follow(written, inventory, options) is { } followed)
        {
            memory.Last = memory.Last with { Written = written, Inventory = inventory, Result = followed, FirstOfRest = memory.Last.RestOf(followed) };
            return followed;
        }

        var diagnostics = new List<Diagnostic>();
        var namespaces = new NamespaceTree(written, options, diagnostics);
        EnforcerProfile? profile = ProfileResolution.Select(written, inventory, namespaces, diagnostics);
        int firstOfUnits = diagnostics.Count;
        ImmutableArray<ResolvedUnit> units = UnitResolution.Resolve(written, inventory, namespaces, diagnostics);
        units = ProfileResolution.Apply(profile, units);
        int firstOfRest = diagnostics.Count;
        ImmutableArray<ResolvedNetwork> networks = Networks(written, namespaces);
        var peers = new PeerResolution(units, networks);
        var rulesets = new RulesetResolution(namespaces, peers, diagnostics);
        var active = rulesets.Active(written.Rulesets);
        var policy = new ResolvedPolicy
        {
            Namespaces = namespaces.All,
            Units = RulesetResolution.Assign(active, units),
            Networks = networks,
            Peers = peers.Sets,
            Rulesets = [.. active.Select(one => one.Ruleset)],
            Inactive = rulesets.Inactive,
            Profile = profile is null
                ? null
                : new ResolvedProfile(profile.Name, namespaces.PathOf(profile), profile.ExcludedNetworks, profile.ExcludedInterfaces) { Syslog = profile.Syslog },
            Failsafe = options.Failsafe,
            FailsafeBeatsReject = options.FailsafeBeatsReject,
        };
        var result = new PolicyResolution(policy, [.. diagnostics]);
        if (memory is not null)
        {
            memory.Last = new RememberedResolution(written, inventory, options, namespaces, profile, result, firstOfUnits, firstOfRest);
        }

        return result;
    }

    private static ImmutableArray<ResolvedNetwork> Networks(WrittenPolicy written, NamespaceTree namespaces) =>
        [
            .. written
                .ExternalNetworks.Where(network => !network.Archived)
                .Select(network =>
                {
                    ResolvedNamespace home = namespaces[namespaces.PathOf(network)];
                    return new ResolvedNetwork(
                        network.At,
                        network.Name,
                        home.Path,
                        network.Propagate,
                        TagSet.Of(network, "externalnetwork", home, []),
                        network.Entries
                    );
                }),
        ];
}
