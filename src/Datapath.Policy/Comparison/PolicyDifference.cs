using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Inventory;

namespace Datapath.Policy.Comparison;

/// <summary>The connections that two policies judge differently.</summary>
/// <param name="Units">Units with changes, those with equal changes together; empty when nothing changes.</param>
/// <param name="Problems">Why they cannot be compared; empty when they can.</param>
public sealed record PolicyDifference(ImmutableArray<UnitDifference> Units, ImmutableArray<Diagnostic> Problems);

/// <summary>What changes for some units.</summary>
/// <param name="Units">The units, in the order of the policies.</param>
/// <param name="Changes">What changes for each of them: incoming before outgoing.</param>
public sealed record UnitDifference(ImmutableArray<ComparedUnit> Units, ImmutableArray<VerdictChange> Changes);

/// <summary>A unit of either policy.</summary>
/// <param name="Name">Its name; that of the second policy where a host has two.</param>
/// <param name="IsHost">Whether it is the host, which is the same unit in both policies whatever it is called.</param>
public sealed record ComparedUnit(UnitName Name, bool IsHost);

/// <summary>Connections whose verdict changes between the same two rules.</summary>
/// <param name="Direction">Who opens them.</param>
/// <param name="Before">The verdict before.</param>
/// <param name="DecidedBefore">The rule that decides before; null when the unit is not judged by that policy, which lets everything pass.</param>
/// <param name="After">The other verdict.</param>
/// <param name="DecidedAfter">The rule that decides after; null likewise.</param>
/// <param name="Flows">The connections: no pair of address and port stands in two of the sets.</param>
public sealed record VerdictChange(
    Direction Direction,
    Verdict Before,
    RuleIdentity? DecidedBefore,
    Verdict After,
    RuleIdentity? DecidedAfter,
    ImmutableArray<FlowSet> Flows
);

/// <summary>Every connection between one of some peers and one of some ports.</summary>
/// <param name="Peers">
/// The peers, ascending. A unit's own addresses may be among them where that joins two runs: it never meets itself as a peer.
/// </param>
/// <param name="Ports">The ports, ascending.</param>
public sealed record FlowSet(ImmutableArray<AddressSpan> Peers, ImmutableArray<PortSpan> Ports);
