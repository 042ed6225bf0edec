using System.Collections.Immutable;
using Datapath.Backends.Host;
using Datapath.Backends.Iptables.Kernel;
using Datapath.Backends.Iptables.Lowering;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Iptables;

/// <content>Bringing the kernel to what it is to have.</content>
public sealed partial class IptablesBackend
{
    private LoweredPolicy Lower(Judged judged) => PolicyLowering.Lower(judged.Policy, judged.Places, configuration);

    /// <summary>
    /// Beside what is there: new sets and chains, one transaction per family that replaces the jumps, and then what nobody asks any more is
    /// taken away with what it counted. Nothing is done where the kernel has it already.
    /// </summary>
    /// <param name="before">What is there.</param>
    /// <param name="active">What is to judge, and the generation that may be it already; 0 for none.</param>
    /// <param name="fallback">What is to be gone back to, likewise; null without a lease.</param>
    /// <param name="lease">What is to be pending; its generation to go back to is set here.</param>
    /// <returns>Whether something changed.</returns>
    private bool Converge(InstalledRules before, PlacedPolicy active, PlacedPolicy? fallback, IptablesLease? lease)
    {
        var made = new List<PlacedPolicy>();
        uint next = Math.Max(_highest, before.HighestGeneration);
        PlacedPolicy Place(PlacedPolicy wanted, bool isActive)
        {
            bool isThere = wanted.Generation != 0 && before.ChecksumOf(wanted.Generation) == wanted.Policy.Checksum && before.DamageOf(wanted, isActive) is null;
            if (!isThere)
            {
                wanted = wanted with { Generation = ++next };
                made.Add(wanted);
            }

            return wanted;
        }

        active = Place(active, isActive: true);
        fallback = fallback is null ? null : Place(fallback, isActive: false);
        lease = fallback is null ? null : lease! with { Back = fallback.Generation };
        bool isChanged = made.Count > 0 || before.Lease != lease;
        var target = new Installation(made, active, lease);
        if (isChanged)
        {
            Install(target, before);
            _highest = next;
        }

        // What judged before, and what an agent left that died between two steps. The first policy finds nothing, and need not look for it.
        if (before.HasOthers(target.Kept))
        {
            RemoveOthers(target.Kept);
        }

        (_active, _fallback, _lease) = (active, fallback, lease);
        return isChanged;
    }

    // What counts no more goes, and what it counted is kept.
    private void RemoveOthers(uint[] kept)
    {
        InstalledRules after = InstalledRules.Read(_names, Variant());
        new RuleInstaller(_names, Variant()).RemoveOthers(kept, after);
    }

    private void Install(Installation target, InstalledRules before)
    {
        XtablesVariant variant = Variant();
        var installer = new RuleInstaller(_names, variant);
        try
        {
            ConnectionMarks.Probe();
            installer.Install(target, before);
        }
        catch (BackendException refusal)
        {
            // Perhaps for want of a module that the kernel does not load by itself.
            ImmutableArray<string> missing = Kernel.KernelModules.LoadMissing(variant);
            try
            {
                ConnectionMarks.Probe();
                installer.Install(target, before);
            }
            catch (BackendException) when (!missing.IsEmpty)
            {
                throw new BackendException($"{refusal.Message}; {Kernel.KernelModules.Complaint(missing)}", refusal);
            }
        }
    }

    /// <summary>A policy and the host that it was applied to.</summary>
    private sealed record Judged(CompiledPolicy Policy, UnitPlaces Places, HostSnapshot Host)
    {
        public Judged(CompiledPolicy policy, HostSnapshot host)
            : this(policy, UnitPlaces.Of(policy, host, CgroupTree.Find() is { } tree ? tree.Named : null), host)
        {
        }
    }
}
