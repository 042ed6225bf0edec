using System.Collections.Immutable;
using Datapath.Policy.Compilation;

namespace Datapath.Backends;

/// <summary>What an apply did.</summary>
/// <param name="Generation">The generation that packets are judged by now.</param>
/// <param name="Changed">False when the policy was enforced already.</param>
/// <param name="Attachments">Where packets are judged, by interface index.</param>
/// <param name="NotEnforced">Units that cannot be judged now, each with the reason, such as an interface that is not there.</param>
/// <param name="BytesUsed">Size of the generation in kernel memory; 0 where the kernel does not tell.</param>
/// <param name="BytesAvailable">Room that was there for it; 0 where there is no limit but the machine's.</param>
/// <param name="Matrix">What of it the verdict matrix takes; null where there is none.</param>
public sealed record ApplyReport(
    uint Generation,
    bool Changed,
    ImmutableArray<UnitAttachment> Attachments,
    ImmutableArray<UnitNotEnforced> NotEnforced,
    long BytesUsed,
    long BytesAvailable,
    MatrixReport? Matrix
)
{
    /// <summary>What endangers enforcement though the policy is in force, each with its remedy, as sentences without a full stop.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];

    /// <summary>How full the backend's tables are besides the image of the policy and the flows, in a fixed order.</summary>
    public ImmutableArray<FlowTableUsage> Tables { get; init; } = [];

    /// <summary>The connections that were there before anything was enforced; null when something was, or when the backend has no such step.</summary>
    public OlderFlowsReport? OlderFlows { get; init; }

    /// <summary>What its steps took; null where the backend does not tell.</summary>
    public ApplyTimes? Times { get; init; }
}

/// <summary>What the steps of an apply took.</summary>
/// <param name="Encode">From the compiled policy to what the kernel reads.</param>
/// <param name="Write">Writing it, reading it back, trying it out.</param>
/// <param name="Grace">Waiting until no packet is judged by the policy before.</param>
/// <param name="Rest">Everything else: what the kernel is told of the host, and attaching.</param>
public sealed record ApplyTimes(TimeSpan Encode, TimeSpan Write, TimeSpan Grace, TimeSpan Rest);

/// <summary>What the first policy found of connections that are older than it, and goes on with.</summary>
/// <param name="Tracked">Entries made from what the kernel tracks.</param>
/// <param name="FromSockets">Entries made from the sockets of the host and of its pods, of connections that are not tracked.</param>
/// <param name="Problems">What could not be read, as sentences without a full stop: those connections have to be proved by their packets.</param>
public sealed record OlderFlowsReport(int Tracked, int FromSockets, ImmutableArray<string> Problems)
{
    /// <summary>Entries taken over from an agent of another version, which had been judging until then.</summary>
    public int TakenOver { get; init; }
}

/// <summary>The verdict matrix of a generation.</summary>
/// <param name="RowForm">The form of its rows, one word: <c>dense</c> or <c>compressed</c>.</param>
/// <param name="RowBytes">What the rows take in kernel memory.</param>
public sealed record MatrixReport(string RowForm, long RowBytes);

/// <summary>A place where the packets of a unit are judged.</summary>
/// <param name="Unit">Number of the unit.</param>
/// <param name="Interface">Name of the interface.</param>
/// <param name="InterfaceIndex">Its index in this network namespace.</param>
/// <param name="Hooks">Which hooks, such as <c>tcx</c> or <c>clsact</c>.</param>
public sealed record UnitAttachment(int Unit, string Interface, int InterfaceIndex, string Hooks);

/// <summary>A unit that is in the policy and cannot be judged.</summary>
/// <param name="Unit">Number of the unit.</param>
/// <param name="Reason">Why, as a sentence without a full stop.</param>
/// <param name="MayBeLater">The kernel refused; the same apply may succeed at another time.</param>
public sealed record UnitNotEnforced(int Unit, string Reason, bool MayBeLater = false);

/// <summary>Something that was applied had been changed by somebody else, and is in force again.</summary>
/// <param name="Generation">The generation that packets are judged by now.</param>
/// <param name="Damage">What was found, as a sentence without a full stop.</param>
public sealed record RepairReport(uint Generation, string Damage);

/// <summary>What a removal found and did.</summary>
/// <param name="Removed">The objects that were (or, in a dry run, would be) removed, one line each.</param>
/// <param name="Remaining">The objects that are still there after a second look; empty when the removal is proved.</param>
public sealed record RemovalReport(ImmutableArray<string> Removed, ImmutableArray<string> Remaining)
{
    /// <summary>What stays on purpose, because others need it too, one line each with the reason.</summary>
    public ImmutableArray<string> Kept { get; init; } = [];
}

/// <summary>Exact totals of the kernel.</summary>
/// <param name="Rules">By rule index; rules that no packet met are left out.</param>
/// <param name="Drops">By drop reason; reasons that never occurred are left out.</param>
/// <param name="Statistics">Other counts by name, such as <c>events_lost</c>.</param>
public sealed record BackendCounters(
    ImmutableDictionary<int, PacketCount> Rules,
    ImmutableDictionary<Datapath.Flows.DropReason, PacketCount> Drops,
    ImmutableDictionary<string, long> Statistics
)
{
    /// <summary>What became of packets that were judged, by where; empty where the backend does not tell. Those that passed are counted since the programs were loaded.</summary>
    public ImmutableArray<VerdictCount> Verdicts { get; init; } = [];
}

/// <summary>Packets that were judged alike.</summary>
/// <param name="Hook">Where, such as <c>tc-ingress</c>.</param>
/// <param name="Direction">Of the packets, seen from the unit that was judged.</param>
/// <param name="Reason">Why they were dropped; <see cref="Datapath.Flows.DropReason.None"/> of those that passed.</param>
/// <param name="Count">How many.</param>
public sealed record VerdictCount(string Hook, Direction Direction, Datapath.Flows.DropReason Reason, PacketCount Count);

/// <summary>Packets and bytes.</summary>
/// <param name="Packets">Packets on the wire: segments of a large packet count one by one.</param>
/// <param name="Bytes">Bytes from the link header on.</param>
public readonly record struct PacketCount(long Packets, long Bytes);
