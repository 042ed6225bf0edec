using System.Buffers;
using System.Text.Json;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Flows;

public sealed class FlowRecordWriterTests
{
    private static readonly FlowEndpoint Web = FlowEndpoint.Unit("/shop", "web", ["app=web", "quote=\"\n"]);
    private static readonly RuleIdentity Rule = new(RuleKind.Ruleset, "/shop", "web-serves", Direction.Incoming, 2, "https");

    [Fact]
    public void A_record_has_the_fields_of_flow_reports()
    {
        FlowEvent last = FlowEvents.Of(port: 443) with { Time = FlowEvents.Start.AddTicks(1234567) };
        JsonElement json = Json(FlowEvents.Record(last) with { Destination = Web, Unit = Web, Rule = Rule, Count = 3, FirstSeen = FlowEvents.Start });
        (string Name, object Value)[] expected =
        [
            ("timestamp", "2026-01-02T03:04:05.000000Z"), ("firstSeen", "2026-01-02T03:04:05.000000Z"), ("lastSeen", "2026-01-02T03:04:05.123456Z"),
            ("action", "Accept"), ("value", 3), ("direction", "incoming"),
            ("sourceType", "ExternalNetwork"), ("sourceID", "default"), ("sourceName", ""), ("sourceNamespace", ""), ("sourceIP", "198.51.100.9"), ("sourcePort", 40000),
            ("destinationType", "ProcessingUnit"), ("destinationID", "/shop/web"), ("destinationName", "web"), ("destinationNamespace", "/shop"),
            ("destinationIP", "192.0.2.1"), ("destinationPort", 443), ("protocol", 6),
            ("policyID", "web-serves"), ("policyNamespace", "/shop"), ("policyType", "ruleset"), ("ruleName", "https"), ("rulePosition", 2),
            ("observedAction", "NotApplicable"), ("processingUnitID", "/shop/web"), ("namespace", "/shop"), ("enforcerID", "host/default"),
            ("serviceType", "L3"), ("hook", "tc-ingress"), ("generation", 7),
        ];
        Assert.All(expected, field => Assert.Equal(field.Value, field.Value is int ? json.GetProperty(field.Name).GetInt32() : json.GetProperty(field.Name).GetString()));
        Assert.False(json.GetProperty("observed").GetBoolean());
        Assert.Equal(["app=web", "quote=\"\n"], json.GetProperty("destinationTags").EnumerateArray().Select(tag => tag.GetString()));
        Assert.False(json.TryGetProperty("dropReason", out _));
        Assert.False(json.TryGetProperty("icmpType", out _));
        Assert.False(json.TryGetProperty("sourceBytes", out _));
    }

    [Fact]
    public void What_was_carried_has_fields_of_both_ends_and_a_time()
    {
        JsonElement json = Json(FlowEvents.Record() with { Count = 0, Carried = new FlowCarried(new(3, 300), new(0, 0)), CarriedAt = FlowEvents.Start.AddSeconds(9) });
        (string Name, long Value)[] expected = [("value", 0), ("sourcePackets", 3), ("sourceBytes", 300), ("destinationPackets", 0), ("destinationBytes", 0)];
        Assert.All(expected, field => Assert.Equal(field.Value, json.GetProperty(field.Name).GetInt64()));
        Assert.Equal(("2026-01-02T03:04:05.000000Z", "2026-01-02T03:04:14.000000Z"), (json.GetProperty("firstSeen").GetString(), json.GetProperty("lastSeen").GetString()));
    }

    [Fact]
    public void A_drop_has_its_reason_icmp_its_type_and_code_and_an_observing_rule_its_word()
    {
        FlowEvent drop = FlowEvents.Of(protocol: 58, port: (128 << 8) | 3, rule: 0) with
        {
            Verdict = Verdict.Reject,
            Reason = DropReason.ShortHeader,
            ObservedRuleIndex = 5,
            ObservedVerdict = Verdict.Reject,
        };
        JsonElement json = Json(FlowEvents.Record(drop) with { ObservedRule = Rule });
        Assert.Equal(("Reject", "short-header"), (json.GetProperty("action").GetString(), json.GetProperty("dropReason").GetString()));
        Assert.Equal((128, 3, 0), (json.GetProperty("icmpType").GetInt32(), json.GetProperty("icmpCode").GetInt32(), json.GetProperty("destinationPort").GetInt32()));
        Assert.Equal(("default", "default", "none"), (json.GetProperty("policyID").GetString(), json.GetProperty("policyNamespace").GetString(), json.GetProperty("policyType").GetString()));
        Assert.True(json.GetProperty("observed").GetBoolean());
        Assert.Equal(("Reject", "web-serves", "policy"), (json.GetProperty("observedAction").GetString(), json.GetProperty("observedPolicyID").GetString(), json.GetProperty("observedDropReason").GetString()));
    }

    [Fact]
    public void Writing_a_record_allocates_nothing()
    {
        const int Records = 20_000;
        using FlowRecordWriter writer = new("host/default");
        ArrayBufferWriter<byte> output = new(64 * 1024);
        FlowRecord record = FlowEvents.Record(FlowEvents.Of(source: "2001:db8::1234:5678")) with { Source = Web, Destination = Web, Rule = Rule };
        Write(1000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Write(Records);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Write(int count)
        {
            for (int i = 0; i < count; i++)
            {
                output.ResetWrittenCount();
                writer.Write(output, record);
            }
        }
    }

    private static JsonElement Json(FlowRecord record)
    {
        ArrayBufferWriter<byte> output = new();
        using FlowRecordWriter writer = new("host/default");
        writer.Write(output, record);
        Assert.DoesNotContain((byte)'\n', output.WrittenSpan.ToArray());
        return JsonDocument.Parse(output.WrittenMemory).RootElement;
    }
}
