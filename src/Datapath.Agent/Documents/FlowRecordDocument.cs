using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Datapath.Agent.Documents;

/// <summary>A flow record as it is read back from JSON. The names are those of flow reports, specification e.1; <c>docs/flows.md</c> lists them all.</summary>
internal sealed record FlowRecordDocument
{
    public string Timestamp { get; init; } = "";

    public string FirstSeen { get; init; } = "";

    public string LastSeen { get; init; } = "";

    public string Action { get; init; } = "";

    public string? DropReason { get; init; }

    public long Value { get; init; }

    public string Direction { get; init; } = "";

    [JsonPropertyName("sourceID")]
    public string SourceId { get; init; } = "";

    public string SourceName { get; init; } = "";

    [JsonPropertyName("sourceIP")]
    public string SourceIp { get; init; } = "";

    public int SourcePort { get; init; }

    public ImmutableArray<string> SourceTags { get; init; } = [];

    [JsonPropertyName("destinationID")]
    public string DestinationId { get; init; } = "";

    public string DestinationName { get; init; } = "";

    [JsonPropertyName("destinationIP")]
    public string DestinationIp { get; init; } = "";

    public int DestinationPort { get; init; }

    public ImmutableArray<string> DestinationTags { get; init; } = [];

    public long? SourcePackets { get; init; }

    public long? SourceBytes { get; init; }

    public long? DestinationPackets { get; init; }

    public long? DestinationBytes { get; init; }

    public int Protocol { get; init; }

    public int? IcmpType { get; init; }

    public int? IcmpCode { get; init; }

    [JsonPropertyName("policyID")]
    public string PolicyId { get; init; } = "";

    public string PolicyNamespace { get; init; } = "";

    public string PolicyType { get; init; } = "";

    public string RuleName { get; init; } = "";

    public int RulePosition { get; init; }

    public bool Observed { get; init; }

    public string ObservedAction { get; init; } = "";

    [JsonPropertyName("observedPolicyID")]
    public string? ObservedPolicyId { get; init; }

    public string? ObservedPolicyNamespace { get; init; }

    [JsonPropertyName("processingUnitID")]
    public string ProcessingUnitId { get; init; } = "";

    [JsonPropertyName("enforcerID")]
    public string EnforcerId { get; init; } = "";

    [JsonPropertyName("processID")]
    public int? ProcessId { get; init; }

    [JsonPropertyName("userID")]
    public uint? UserId { get; init; }

    public string? Command { get; init; }

    public string? Cgroup { get; init; }

    public string Hook { get; init; } = "";

    public uint Generation { get; init; }
}
