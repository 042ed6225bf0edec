using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Resolution;

/// <summary>
/// What one resolution leaves for the next, so that addresses of units that come and go cost what they touch. It changes how long a resolution
/// takes and never what comes out of it.
/// </summary>
/// <remarks>Written by every resolution that it is given to: one owner, one resolution at a time.</remarks>
public sealed class ResolutionMemory
{
    internal RememberedResolution? Last { get; set; }
}

/// <summary>A resolution with what it was made from.</summary>
/// <param name="Written">What was written.</param>
/// <param name="Inventory">The host.</param>
/// <param name="Options">What decided its meaning besides.</param>
/// <param name="Namespaces">The namespaces.</param>
/// <param name="Profile">The profile of the host; null when there is none.</param>
/// <param name="Result">What came out.</param>
/// <param name="FirstOfUnits">The first diagnostic about units.</param>
/// <param name="FirstOfRest">The first one that comes after these.</param>
internal sealed record RememberedResolution(
    WrittenPolicy Written,
    HostInventory Inventory,
    PolicyOptions Options,
    NamespaceTree Namespaces,
    EnforcerProfile? Profile,
    PolicyResolution Result,
    int FirstOfUnits,
    int FirstOfRest
)
{
    /// <summary>The resolution of what differs in nothing but addresses of units.</summary>
    /// <returns>Null when more is different, as far as that can be told without a close look.</returns>
    public PolicyResolution? Follow(WrittenPolicy written, HostInventory inventory, PolicyOptions options)
    {
        if (options != Options || !IsSameHost(inventory) || !IsSameButUnits(written) || !AreSame(written.ProcessingUnits, Written.ProcessingUnits, IsSameButAddresses))
        {
            return null;
        }

        var diagnostics = new List<Diagnostic>();
        ImmutableArray<ResolvedUnit> units = ProfileResolution.Apply(Profile, UnitResolution.Resolve(written, inventory, Namespaces, diagnostics));
        if (!AreSame(units, Result.Policy.Units, IsSameButAddresses))
        {
            // An address may also say which of the units is the host.
            return null;
        }

        ImmutableArray<Diagnostic> before = Result.Diagnostics;
        return new PolicyResolution(
            Result.Policy with { Units = [.. Result.Policy.Units.Zip(units, (known, unit) => known with { Addresses = unit.Addresses })] },
            [.. before[..FirstOfUnits], .. diagnostics, .. before[FirstOfRest..]]
        );
    }

    /// <summary>The first diagnostic that comes after those about units, in a resolution that followed this one.</summary>
    public int RestOf(PolicyResolution followed) => followed.Diagnostics.Length - (Result.Diagnostics.Length - FirstOfRest);

    private bool IsSameHost(HostInventory inventory) =>
        inventory.HostName == Inventory.HostName && inventory.Tags.AsSpan().SequenceEqual(Inventory.Tags.AsSpan());

    private bool IsSameButUnits(WrittenPolicy written) =>
        written with { ProcessingUnits = Written.ProcessingUnits } == Written;

    private static bool AreSame<T>(ImmutableArray<T> some, ImmutableArray<T> others, Func<T, T, bool> isSame) =>
        some == others || (some.Length == others.Length && some.Zip(others, isSame).All(same => same));

    private static bool IsSameButAddresses(ProcessingUnit one, ProcessingUnit other) =>
        ReferenceEquals(one, other) || one with { Addresses = other.Addresses } == other;

    /// <summary>Rulesets follow from the rest, and are not yet known of the first.</summary>
    private static bool IsSameButAddresses(ResolvedUnit one, ResolvedUnit known) =>
        one.Tags.AsSpan().SequenceEqual(known.Tags.AsSpan())
        && one with { Addresses = known.Addresses, Tags = known.Tags, Rulesets = known.Rulesets } == known;
}
