using System.Collections.Immutable;
using Datapath.Policy.Inventory;

namespace Datapath.Policy.Resolution;

/// <summary>A policy as if one host judged every unit: files are written for a fleet, and questions about them are not about one host.</summary>
internal static class EveryUnit
{
    /// <summary>The policy with every unit attached here, except those that the enforcer profile exempts.</summary>
    /// <param name="policy">A policy without errors.</param>
    /// <remarks>
    /// Compiled from empty indexes, <c>CompiledPolicy.Units</c> are then the judged units in the order of <see cref="ResolvedPolicy.Units"/>:
    /// the host stands first in both, and the others are numbered in their order.
    /// </remarks>
    public static ResolvedPolicy Judged(ResolvedPolicy policy) =>
        policy with
        {
            Units =
            [
                .. policy.Units.Select(
                    (unit, i) =>
                        unit.Attach.Kind == AttachmentKind.None
                            ? unit with { Attach = new Attachment(AttachmentKind.Interface, $"(unit {i})") }
                            : unit
                ),
            ],
        };

    /// <summary>The policy with an address for every unit that has none, so that it can be asked about as a peer.</summary>
    /// <param name="policy">A policy without errors.</param>
    public static ResolvedPolicy Addressed(ResolvedPolicy policy) =>
        policy with
        {
            Units = [.. policy.Units.Select((unit, i) => unit.Addresses.IsEmpty ? unit with { Addresses = StandIns(i) } : unit)],
        };

    private static ImmutableArray<UnitAddress> StandIns(int unit) =>
        [
            new(StandInAddress.IPv4(unit), IsManaged: true),
            new(StandInAddress.IPv6(unit), IsManaged: true),
        ];
}
