using System.Text.Json;

namespace Datapath.Flows;

/// <summary>The names of a record's fields in JSON: those of flow reports (specification e.1), and ours where it has none.</summary>
internal static class FlowRecordFields
{
    public static readonly JsonEncodedText Timestamp = Name("timestamp");
    public static readonly JsonEncodedText FirstSeen = Name("firstSeen");
    public static readonly JsonEncodedText LastSeen = Name("lastSeen");
    public static readonly JsonEncodedText Value = Name("value");
    public static readonly JsonEncodedText Action = Name("action");
    public static readonly JsonEncodedText DropReason = Name("dropReason");
    public static readonly JsonEncodedText Direction = Name("direction");
    public static readonly JsonEncodedText Protocol = Name("protocol");
    public static readonly JsonEncodedText IcmpType = Name("icmpType");
    public static readonly JsonEncodedText IcmpCode = Name("icmpCode");
    public static readonly JsonEncodedText PolicyId = Name("policyID");
    public static readonly JsonEncodedText PolicyNamespace = Name("policyNamespace");
    public static readonly JsonEncodedText PolicyType = Name("policyType");
    public static readonly JsonEncodedText RuleName = Name("ruleName");
    public static readonly JsonEncodedText RulePosition = Name("rulePosition");
    public static readonly JsonEncodedText Observed = Name("observed");
    public static readonly JsonEncodedText ObservedAction = Name("observedAction");
    public static readonly JsonEncodedText ObservedDropReason = Name("observedDropReason");
    public static readonly JsonEncodedText ObservedPolicyId = Name("observedPolicyID");
    public static readonly JsonEncodedText ObservedPolicyNamespace = Name("observedPolicyNamespace");
    public static readonly JsonEncodedText ObservedRuleName = Name("observedRuleName");
    public static readonly JsonEncodedText ProcessingUnitId = Name("processingUnitID");
    public static readonly JsonEncodedText Namespace = Name("namespace");
    public static readonly JsonEncodedText EnforcerId = Name("enforcerID");
    public static readonly JsonEncodedText ServiceType = Name("serviceType");
    public static readonly JsonEncodedText ProcessId = Name("processID");
    public static readonly JsonEncodedText UserId = Name("userID");
    public static readonly JsonEncodedText Command = Name("command");
    public static readonly JsonEncodedText Cgroup = Name("cgroup");
    public static readonly JsonEncodedText Hook = Name("hook");
    public static readonly JsonEncodedText Generation = Name("generation");

    /// <summary>Fields of the sender.</summary>
    public static readonly EndFields Source = new("source");

    /// <summary>Fields of the receiver.</summary>
    public static readonly EndFields Destination = new("destination");

    private static JsonEncodedText Name(string name) => JsonEncodedText.Encode(name);

    /// <summary>The names of an end's fields.</summary>
    /// <param name="end"><c>source</c> or <c>destination</c>.</param>
    internal sealed class EndFields(string end)
    {
        public readonly JsonEncodedText Type = Name($"{end}Type");
        public readonly JsonEncodedText Id = Name($"{end}ID");
        public readonly JsonEncodedText EndName = Name($"{end}Name");
        public readonly JsonEncodedText EndNamespace = Name($"{end}Namespace");
        public readonly JsonEncodedText Tags = Name($"{end}Tags");
        public readonly JsonEncodedText Address = Name($"{end}IP");
        public readonly JsonEncodedText Port = Name($"{end}Port");
        public readonly JsonEncodedText Packets = Name($"{end}Packets");
        public readonly JsonEncodedText Bytes = Name($"{end}Bytes");
    }
}
