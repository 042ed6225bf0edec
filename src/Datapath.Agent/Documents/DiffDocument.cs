using System.Collections.Immutable;
using Datapath.Policy.Comparison;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Printing;
using Datapath.Policy.Resolution;

namespace Datapath.Agent.Documents;

/// <summary>What <c>datapath diff --json</c> answers: the connections that two policies judge differently.</summary>
/// <param name="Before">The first policy, as named.</param>
/// <param name="After">The second policy, as named.</param>
/// <param name="Differs">Whether some connection gets another verdict.</param>
/// <param name="Units">Units with changes, those with equal changes together.</param>
internal sealed record DiffDocument(string Before, string After, bool Differs, ImmutableArray<ChangedUnitsDocument> Units);

/// <summary>What changes for some units.</summary>
/// <param name="Units">Which.</param>
/// <param name="Changes">What changes for each of them: incoming before outgoing.</param>
internal sealed record ChangedUnitsDocument(ImmutableArray<UnitNameDocument> Units, ImmutableArray<VerdictChangeDocument> Changes);

/// <summary>A processing unit by name.</summary>
/// <param name="Namespace">Its namespace.</param>
/// <param name="Name">Its name.</param>
/// <param name="Host">Whether it is the host.</param>
internal sealed record UnitNameDocument(string Namespace, string Name, bool Host);

/// <summary>Connections whose verdict changes between the same two rules.</summary>
/// <param name="Direction"><c>incoming</c> or <c>outgoing</c>.</param>
/// <param name="Before">The verdict before: <c>allow</c> or <c>reject</c>.</param>
/// <param name="DecidedBefore">The rule that decides before; null when that policy does not judge the unit.</param>
/// <param name="After">The verdict after.</param>
/// <param name="DecidedAfter">The rule that decides after; null when that policy does not judge the unit.</param>
/// <param name="Flows">The connections.</param>
internal sealed record VerdictChangeDocument(
    string Direction,
    string Before,
    NamedRuleDocument? DecidedBefore,
    string After,
    NamedRuleDocument? DecidedAfter,
    ImmutableArray<FlowSetDocument> Flows
);

/// <summary>Every connection between one of some peers and one of some ports.</summary>
/// <param name="Peers">The fewest words for the peers, as the text form has them.</param>
/// <param name="Networks">The same as networks, the fewest that are exactly the peers.</param>
/// <param name="Ports">The fewest words for the ports, as the text form has them.</param>
/// <param name="Entries">The same as entries, each of one run of ports, of types and codes, or of one protocol.</param>
internal sealed record FlowSetDocument(
    ImmutableArray<string> Peers,
    ImmutableArray<string> Networks,
    ImmutableArray<string> Ports,
    ImmutableArray<string> Entries
);

/// <summary>Makes the document of a comparison.</summary>
/// <param name="before">Where the rules of the first policy stand.</param>
/// <param name="after">Where the rules of the second policy stand.</param>
/// <param name="owners">Names of the units that have an address.</param>
internal sealed class DiffDocuments(RulePlaces before, RulePlaces after, IReadOnlyDictionary<AddressKey, string> owners)
{
    /// <summary>The comparison as JSON has it.</summary>
    /// <param name="nameBefore">The first policy, as named.</param>
    /// <param name="nameAfter">The second policy, as named.</param>
    /// <param name="difference">What differs.</param>
    public DiffDocument Of(string nameBefore, string nameAfter, PolicyDifference difference) =>
        new(nameBefore, nameAfter, !difference.Units.IsEmpty, [.. difference.Units.Select(Of)]);

    private ChangedUnitsDocument Of(UnitDifference unit) =>
        new([.. unit.Units.Select(Of)], [.. unit.Changes.Select(Of)]);

    private static UnitNameDocument Of(ComparedUnit unit) => new(unit.Name.Namespace, unit.Name.Name, unit.IsHost);

    private VerdictChangeDocument Of(VerdictChange change) =>
        new(
            Wording.Of(change.Direction),
            Wording.Of(change.Before),
            Of(change.DecidedBefore, before),
            Wording.Of(change.After),
            Of(change.DecidedAfter, after),
            [.. change.Flows.Select(Of)]
        );

    private static NamedRuleDocument? Of(RuleIdentity? rule, RulePlaces places) => rule is null ? null : NamedRuleDocument.Of(rule, places.Of(rule));

    private FlowSetDocument Of(FlowSet flows) =>
        new(AddressSpanText.Of(flows.Peers, owners), AddressSpanText.Networks(flows.Peers), PortSpanText.Of(flows.Ports), PortSpanText.Exact(flows.Ports));
}
