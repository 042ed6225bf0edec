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
        _hasGap |= IsDamaged(before, _active ?? active);
        var made = new List<PlacedPolicy>();
        uint next = Math.Max(_highest, before.HighestGeneration);
        PlacedPolicy Place(PlacedPolicy wanted, bool isActive)
        {
            bool isThere =
                wanted.Generation != 0
                && before.ChecksumOf(wanted.Generation) == wanted.Policy.Checksum
                && before.DamageOf(wanted, isActive) is null
                && IsAsInstalled(wanted.Generation, before);
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

        // It judges from here on, whatever becomes of what judged before.
        (_active, _fallback, _lease) = (active, fallback, lease);
        Tidy(before, target.Kept, isChanged);
        return isChanged;
    }

    // Whether packets may have passed by what is in force: an apply may come before the guard.
    private static bool IsDamaged(InstalledRules before, PlacedPolicy judging) =>
        before.ActiveGeneration is not 0 and var generation
        && before.ChecksumOf(generation) == judging.Policy.Checksum
        && before.DamageOf(judging with { Generation = generation }, isActive: true) is not null;

    // What judged before, and what an agent left that died between two steps. No packet meets it any more: what is refused waits for the next guard.
    private void Tidy(InstalledRules before, uint[] kept, bool isChanged)
    {
        _hasLeftOvers |= before.HasOthers(kept);
        try
        {
            // The first policy finds nothing of that, and does not wait until its rules have been read back.
            InstalledRules? after = _hasLeftOvers || (isChanged && before.ActiveGeneration != 0) ? InstalledRules.Read(_names, Variant()) : null;
            if (isChanged)
            {
                Recognise(after);
            }

            RemoveLeftOvers(after, kept);
        }
        catch (BackendException)
        {
            _hasLeftOvers = true;
        }
    }

    private void Install(Installation target, InstalledRules before)
    {
        XtablesVariant variant = Variant();
        var installer = new RuleInstaller(_names, variant);
        _ = Kernel.KernelModules.WithModules(
            variant,
            () =>
            {
                ConnectionMarks.Probe();
                installer.Install(target, before);
                return target;
            }
        );
    }

    /// <summary>A policy and the host that it was applied to.</summary>
    private sealed record Judged(CompiledPolicy Policy, UnitPlaces Places, HostSnapshot Host)
    {
        public Judged(CompiledPolicy policy, HostSnapshot host, XtablesVariant variant)
            : this(policy, KernelPlaces.Of(policy, host, variant), host)
        {
        }
    }
}
