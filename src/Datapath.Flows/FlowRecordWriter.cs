using System.Buffers;
using System.Net;
using System.Text.Encodings.Web;
using System.Text.Json;
using Datapath.Policy.Compilation;
using Fields = Datapath.Flows.FlowRecordFields;

namespace Datapath.Flows;

/// <summary>Writes records as JSON, one object without a line feed for each, and allocates nothing for it. Not thread-safe.</summary>
/// <param name="enforcer">Name of the agent, for <c>enforcerID</c>.</param>
public sealed class FlowRecordWriter(string enforcer) : IDisposable
{
    private const byte Icmp = 1;
    private const byte Icmp6 = 58;
    private const byte Tcp = 6;
    private const byte Udp = 17;
    private const byte Sctp = 132;

    // An IPv6 address with an IPv4 tail, and a scope that no wire carries.
    private const int LongestAddress = 64;

    // Our text ends in files and terminals: ' and é are no danger there.
    private readonly Utf8JsonWriter _json = new(Stream.Null, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true });

    /// <summary>Writes a record.</summary>
    /// <param name="output">Receives it.</param>
    /// <param name="record">The record.</param>
    public void Write(IBufferWriter<byte> output, in FlowRecord record)
    {
        FlowEvent last = record.Last;
        _json.Reset(output);
        _json.WriteStartObject();
        Write(Fields.Timestamp, record.Time);
        _json.WriteString(Fields.Action, FlowWords.Of(last.Verdict));
        if (last.Verdict == Verdict.Reject)
        {
            _json.WriteString(Fields.DropReason, FlowWords.Of(last.Reason));
        }

        _json.WriteNumber(Fields.Value, record.Count);
        Write(Fields.FirstSeen, record.FirstSeen);
        Write(Fields.LastSeen, record.LastSeen);
        _json.WriteString(Fields.Direction, FlowWords.Of(last.Direction));
        Write(Fields.Source, record.Source, last.Source, last.SourcePort);
        Write(Fields.Destination, record.Destination, last.Destination, last.Protocol is Tcp or Udp or Sctp ? last.DestinationKey : (ushort)0);
        _json.WriteNumber(Fields.Protocol, last.Protocol);
        if (last.Protocol is Icmp or Icmp6)
        {
            _json.WriteNumber(Fields.IcmpType, last.DestinationKey >> 8);
            _json.WriteNumber(Fields.IcmpCode, last.DestinationKey & 0xff);
        }

        if (record.Carried != default)
        {
            Write(Fields.Source, record.Carried.Source);
            Write(Fields.Destination, record.Carried.Destination);
        }

        WriteRules(record);
        _json.WriteString(Fields.ProcessingUnitId, record.Unit.Id);
        _json.WriteString(Fields.Namespace, record.Unit.Namespace);
        _json.WriteString(Fields.EnforcerId, enforcer);
        _json.WriteString(Fields.ServiceType, "L3");
        WriteProcess(last.Process);
        _json.WriteString(Fields.Hook, last.Hook);
        _json.WriteNumber(Fields.Generation, last.Generation);
        _json.WriteEndObject();
        _json.Flush();
    }

    /// <inheritdoc/>
    public void Dispose() => _json.Dispose();

    private void WriteProcess(FlowProcess? process)
    {
        if (process is null)
        {
            return;
        }

        if (process.Id != 0)
        {
            _json.WriteNumber(Fields.ProcessId, process.Id);
            _json.WriteNumber(Fields.UserId, process.UserId);
            _json.WriteString(Fields.Command, process.Command);
        }

        _json.WriteString(Fields.Cgroup, process.Cgroup);
    }

    private void WriteRules(in FlowRecord record)
    {
        RuleIdentity? rule = record.Rule;
        _json.WriteString(Fields.PolicyId, rule?.Ruleset ?? FlowWords.Default);
        _json.WriteString(Fields.PolicyNamespace, NamespaceOf(rule));
        _json.WriteString(Fields.PolicyType, rule is null ? "none" : FlowWords.Of(rule.Kind));
        _json.WriteString(Fields.RuleName, rule?.RuleName ?? "");
        _json.WriteNumber(Fields.RulePosition, rule?.Position ?? 0);
        bool isObserved = record.Last.ObservedRuleIndex != 0;
        _json.WriteBoolean(Fields.Observed, isObserved);
        _json.WriteString(Fields.ObservedAction, isObserved ? FlowWords.Of(record.Last.ObservedVerdict) : FlowWords.NotApplicable);
        if (!isObserved)
        {
            return;
        }

        if (record.Last.ObservedVerdict == Verdict.Reject)
        {
            _json.WriteString(Fields.ObservedDropReason, FlowWords.Of(DropReason.Policy));
        }

        _json.WriteString(Fields.ObservedPolicyId, record.ObservedRule?.Ruleset ?? FlowWords.Default);
        _json.WriteString(Fields.ObservedPolicyNamespace, NamespaceOf(record.ObservedRule));
        _json.WriteString(Fields.ObservedRuleName, record.ObservedRule?.RuleName ?? "");
    }

    private static string NamespaceOf(RuleIdentity? rule) => rule is { Namespace.Length: > 0 } ? rule.Namespace : FlowWords.Default;

    private void Write(Fields.EndFields names, FlowEndpoint end, IPAddress address, ushort port)
    {
        _json.WriteString(names.Type, FlowWords.Of(end.Type));
        _json.WriteString(names.Id, end.Id);
        _json.WriteString(names.EndName, end.Name);
        _json.WriteString(names.EndNamespace, end.Namespace);
        _json.WriteStartArray(names.Tags);
        foreach (string tag in end.Tags)
        {
            _json.WriteStringValue(tag);
        }

        _json.WriteEndArray();
        Span<byte> text = stackalloc byte[LongestAddress];
        address.TryFormat(text, out int length);
        _json.WriteString(names.Address, text[..length]);
        _json.WriteNumber(names.Port, port);
    }

    private void Write(Fields.EndFields names, FlowTraffic sent)
    {
        _json.WriteNumber(names.Packets, sent.Packets);
        _json.WriteNumber(names.Bytes, sent.Bytes);
    }

    private void Write(JsonEncodedText name, DateTimeOffset time)
    {
        Span<byte> text = stackalloc byte[FlowTimeText.Length];
        FlowTimeText.Write(text, time);
        _json.WriteString(name, text);
    }
}
