using Datapath.Backends.Host;
using Datapath.Backends.Iptables.Lowering;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Iptables.Kernel;

/// <summary>Where the units of a policy are judged on this host, now.</summary>
internal static class KernelPlaces
{
    /// <summary>Looks for the cgroups that paths of the policy mean, where rules may name them.</summary>
    /// <param name="policy">The units.</param>
    /// <param name="host">The interfaces that there are.</param>
    /// <param name="variant">Whose rules they get.</param>
    public static UnitPlaces Of(CompiledPolicy policy, HostSnapshot host, XtablesVariant variant) =>
        variant == XtablesVariant.Legacy
            ? UnitPlaces.Of(policy, host, cgroupObstacle: CgroupPlaces.LegacyObstacle)
            : UnitPlaces.Of(policy, host, CgroupTree.Find() is { } tree ? tree.Named : null);
}
