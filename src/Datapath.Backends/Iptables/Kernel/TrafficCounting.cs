using Datapath.Backends.Iptables.Lowering;
using Datapath.Interop;
using Datapath.Interop.Netlink;

namespace Datapath.Backends.Iptables.Kernel;

/// <summary>
/// Whether connection tracking counts what connections carry because of us: who was not counting before is to be so again when we are gone, also
/// when somebody killed us. A chain without rules says so, which is there as long as the setting is: until the network namespace ends.
/// </summary>
/// <param name="names">The instance's names.</param>
/// <param name="variant">Of which implementation.</param>
internal sealed class TrafficCounting(ObjectNames names, XtablesVariant variant)
{
    /// <summary>Whether it was us who began it.</summary>
    /// <param name="present">What this instance has in the kernel.</param>
    public static bool IsOurs(InstalledRules present) => present.Tables[0].Chains.Contains(present.Names.AccountsChain);

    /// <summary>Begins. First it is said, then done.</summary>
    /// <exception cref="BackendException">Refused.</exception>
    /// <exception cref="KernelException">Refused.</exception>
    public void Begin()
    {
        new Xtables(variant, Family.V4).Restore($":{names.AccountsChain} - [0:0]\n");
        Conntrack.SetCountsTraffic(true);
    }

    /// <summary>Ends.</summary>
    /// <exception cref="BackendException">Refused.</exception>
    /// <exception cref="KernelException">Refused.</exception>
    public void End()
    {
        Conntrack.SetCountsTraffic(false);
        // Also where somebody has flushed it: declared, it is there.
        new Xtables(variant, Family.V4).Restore($":{names.AccountsChain} - [0:0]\n-X {names.AccountsChain}\n");
    }
}
