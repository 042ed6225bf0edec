using System.Collections.Immutable;
using Datapath.Backends;
using Datapath.Policy.Diagnostics;

namespace Datapath.Agent.Documents;

/// <summary>The answer to <c>GET /v1/status</c>: everything that the agent says of itself.</summary>
/// <param name="Instance">Which agent this is.</param>
/// <param name="Version">Its version.</param>
/// <param name="Backend">What judges packets: <c>ebpf</c> or <c>iptables</c>.</param>
/// <param name="State">One of <see cref="AgentState"/>.</param>
/// <param name="Generation">The generation that packets are judged by; 0 when there is none.</param>
/// <param name="Confirmed">Whether that is the policy that a restart begins with; false while it is on trial.</param>
/// <param name="Lease">What the kernel ends by itself; null when nothing is pending.</param>
/// <param name="RolledBack">Hash of the policy that is not applied again until its content changes; null for none.</param>
/// <param name="Policy">The policy directory and what became of its content.</param>
/// <param name="Units">The processing units of this host, by ascending number.</param>
/// <param name="Rules">How many rules are enforced, defaults and built-ins included.</param>
/// <param name="Memory">Kernel memory of the generation.</param>
/// <param name="Flows">How full the kernel's tables of flows are.</param>
/// <param name="Events">What became of the kernel's flow events.</param>
internal sealed record StatusDocument(
    string Instance,
    string Version,
    string Backend,
    string State,
    uint Generation,
    bool Confirmed,
    LeaseDocument? Lease,
    string? RolledBack,
    PolicyDocument Policy,
    ImmutableArray<UnitDocument> Units,
    int Rules,
    MemoryDocument Memory,
    FlowsDocument Flows,
    EventCountsDocument Events
)
{
    /// <summary>Why it is this backend, one sentence.</summary>
    public string BackendReason { get; init; } = "";

    /// <summary>Rulesets that are written and not in force.</summary>
    public ImmutableArray<InactiveRulesetDocument> Inactive { get; init; } = [];

    /// <summary>How full tables are besides memory and flows.</summary>
    public ImmutableArray<FlowTableDocument> Tables { get; init; } = [];

    /// <summary>What the backend warns of: the policy is enforced, but something about its place is not as it should be.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];

    /// <summary>What became of events on their way to records and sinks.</summary>
    public RecordsDocument Records { get; init; } = RecordsDocument.None;
}

/// <summary>What an agent does, in one word.</summary>
internal static class AgentState
{
    /// <summary>It has not looked at the policy yet.</summary>
    public const string Starting = "starting";

    /// <summary>The kernel judges packets by a policy.</summary>
    public const string Enforcing = "enforcing";
}

/// <summary>A ruleset that is written and not in force.</summary>
/// <param name="Namespace">Absolute path of its namespace.</param>
/// <param name="Ruleset">Its name.</param>
/// <param name="Reason">Why, one sentence.</param>
/// <param name="File">Where it is written.</param>
/// <param name="Line">From 1.</param>
internal sealed record InactiveRulesetDocument(string Namespace, string Ruleset, string Reason, string File, int Line);

/// <summary>What the kernel ends by itself.</summary>
/// <param name="Kind">One of <see cref="LeaseWord"/>.</param>
/// <param name="EndsAt">When.</param>
/// <param name="SecondsLeft">Until then; 0 when it is over.</param>
internal sealed record LeaseDocument(string Kind, DateTimeOffset EndsAt, long SecondsLeft)
{
    /// <summary>The same at another time.</summary>
    /// <param name="now">The time.</param>
    public LeaseDocument At(DateTimeOffset now) => this with { SecondsLeft = (long)Math.Ceiling(Math.Max(0, (EndsAt - now).TotalSeconds)) };
}

/// <summary>What ends, in one word.</summary>
internal static class LeaseWord
{
    /// <summary>A policy that waits for confirmation.</summary>
    public const string Trial = "trial";

    /// <summary>A pause.</summary>
    public const string Pause = "pause";
}

/// <summary>What became of the content of the policy directory.</summary>
internal static class PolicyState
{
    /// <summary>It was not looked at yet.</summary>
    public const string Pending = "pending";

    /// <summary>It is what the kernel enforces.</summary>
    public const string Applied = "applied";

    /// <summary>It has errors; what was enforced before still is.</summary>
    public const string Refused = "refused";

    /// <summary>It is sound, and the kernel would not take it; what was enforced before still is.</summary>
    public const string NotTaken = "not-taken";

    /// <summary>Another policy is on trial: it is looked at afterwards.</summary>
    public const string Waiting = "waiting";

    /// <summary>It was not confirmed in time, or rolled back, and has not changed since.</summary>
    public const string RolledBack = "rolled-back";
}

/// <summary>The policy directory.</summary>
/// <param name="Directory">Where it is.</param>
/// <param name="State">One of <see cref="PolicyState"/>.</param>
/// <param name="Problem">Why it is not enforced, one sentence; null when it is.</param>
/// <param name="Files">The files that were read, in order.</param>
/// <param name="Diagnostics">Everything that is wrong or doubtful in them.</param>
internal sealed record PolicyDocument(
    string Directory,
    string State,
    string? Problem,
    ImmutableArray<string> Files,
    ImmutableArray<DiagnosticDocument> Diagnostics
);

/// <summary>A diagnostic.</summary>
/// <param name="Severity"><c>error</c> or <c>warning</c>.</param>
/// <param name="Code">Its stable code.</param>
/// <param name="File">The file.</param>
/// <param name="Line">From 1; 0 for the whole file.</param>
/// <param name="Column">From 1; 0 for the whole file.</param>
/// <param name="Message">What is wrong.</param>
/// <param name="Help">What to write instead; null when the message says it.</param>
internal sealed record DiagnosticDocument(string Severity, string Code, string File, int Line, int Column, string Message, string? Help)
{
    /// <summary>The diagnostic as JSON has it.</summary>
    /// <param name="diagnostic">Of any stage.</param>
    public static DiagnosticDocument Of(Diagnostic diagnostic) =>
        new(
            Wording.Of(diagnostic.Severity),
            diagnostic.Code,
            diagnostic.At.File,
            diagnostic.At.Line,
            diagnostic.At.Column,
            diagnostic.Message,
            diagnostic.Help
        );
}

/// <summary>A processing unit of this host.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Namespace">Its namespace.</param>
/// <param name="Number">The number that events know it by; 1 is the host.</param>
/// <param name="AttachedTo">Where its packets are judged, by interface name.</param>
/// <param name="NotEnforced">Why its packets are not judged; null when they are.</param>
internal sealed record UnitDocument(
    string Name,
    string Namespace,
    int Number,
    ImmutableArray<AttachmentDocument> AttachedTo,
    string? NotEnforced
);

/// <summary>A place where packets are judged.</summary>
/// <param name="Interface">Name of the interface.</param>
/// <param name="Index">Its index.</param>
/// <param name="Hooks">Which hooks, such as <c>tcx</c>.</param>
internal sealed record AttachmentDocument(string Interface, int Index, string Hooks);

/// <summary>Kernel memory.</summary>
/// <param name="UsedBytes">What the policy takes.</param>
/// <param name="AvailableBytes">What there is for it.</param>
/// <param name="RowForm">How the rows of the verdict matrix are held: <c>dense</c> or <c>compressed</c>; null before there are any.</param>
/// <param name="RowBytes">What of it the rows take.</param>
internal sealed record MemoryDocument(long UsedBytes, long AvailableBytes, string? RowForm, long RowBytes);

/// <summary>The kernel's tables of flows.</summary>
/// <param name="Tables">By name; empty before they were looked at.</param>
/// <param name="NotRecorded">Flows that passed and were not remembered.</param>
/// <param name="NotPromoted">How often a proved flow found no room and stayed with those that may be forgotten.</param>
internal sealed record FlowsDocument(ImmutableArray<FlowTableDocument> Tables, long NotRecorded, long NotPromoted)
{
    /// <summary>The tables as JSON has them.</summary>
    /// <param name="usage">Of the backend.</param>
    public static FlowsDocument Of(FlowUsage usage) =>
        new(
            [.. usage.Tables.Select(table => new FlowTableDocument(table.Name, table.Entries, table.Limit))],
            usage.NotRecorded,
            usage.NotPromoted
        );
}

/// <summary>A table of flows.</summary>
/// <param name="Name">What stands in it: <c>tcp</c> or <c>other</c> with the address family, <c>new-</c> before it is proved.</param>
/// <param name="Entries">Flows in it when it was last looked through.</param>
/// <param name="Limit">Flows that there is room for.</param>
internal sealed record FlowTableDocument(string Name, long Entries, long Limit);

/// <summary>What became of the kernel's flow events.</summary>
/// <param name="Received">Handed over by the kernel since this agent started.</param>
/// <param name="Lost">Not handed on, because a listener was too slow.</param>
/// <param name="Listeners">Connections that listen now.</param>
/// <param name="LostInKernel">For which the kernel had no room, since its objects were made; with iptables: how often that was.</param>
internal sealed record EventCountsDocument(long Received, long Lost, int Listeners, long LostInKernel);
