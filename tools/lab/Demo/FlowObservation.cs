using System.Net;
using System.Text.Json;

namespace Datapath.Lab.Demo;

/// <summary>One flow event of the agent, as far as the demo reads it.</summary>
/// <param name="IsAllowed">Whether the packet passed.</param>
/// <param name="Judgement">Who decided, by which rule.</param>
/// <param name="Source">Source address.</param>
/// <param name="SourcePort">Source port, or the identifier of an ICMP echo.</param>
/// <param name="Destination">Destination address.</param>
/// <param name="Protocol">IP protocol number.</param>
/// <param name="Port">Destination port; the type for ICMP.</param>
internal sealed record FlowObservation(
    bool IsAllowed,
    Judgement Judgement,
    IPAddress Source,
    ushort SourcePort,
    IPAddress Destination,
    int Protocol,
    ushort Port
)
{
    private const int Icmp = 1;
    private const int Icmp6 = 58;

    /// <summary>Reads one line of the agent's event stream.</summary>
    /// <param name="line">A JSON object.</param>
    public static FlowObservation Parse(string line)
    {
        using var document = JsonDocument.Parse(line);
        var flow = document.RootElement;
        var protocol = flow.GetProperty("protocol").GetInt32();
        return new FlowObservation(
            flow.GetProperty("verdict").ValueEquals("allow"),
            JudgementOf(flow),
            IPAddress.Parse(flow.GetProperty("source").GetString()!),
            flow.GetProperty("sourcePort").GetUInt16(),
            IPAddress.Parse(flow.GetProperty("destination").GetString()!),
            protocol,
            flow.GetProperty(protocol is Icmp or Icmp6 ? "icmpType" : "destinationPort").GetUInt16()
        );
    }

    private static Judgement JudgementOf(JsonElement flow)
    {
        var unit = flow.GetProperty("unit").GetString()!;
        var direction = flow.GetProperty("direction").GetString()!;
        if (!flow.TryGetProperty("rule", out var rule) || rule.ValueKind != JsonValueKind.Object)
        {
            // Dropped before any rule was asked: the reason is all there is.
            return new Judgement(unit, direction, Ruleset: "none", flow.GetProperty("reason").GetString()!);
        }

        var ruleset = rule.GetProperty("ruleset").GetString()!;
        return rule.GetProperty("kind").GetString()! switch
        {
            "ruleset" => new(unit, direction, ruleset, $"{rule.GetProperty("position").GetInt32()} {rule.GetProperty("name").GetString()}".TrimEnd()),
            "default" => new(unit, direction, Ruleset: "default", rule.GetProperty("namespace").GetString()!),
            var kind => new(unit, direction, kind, ruleset),
        };
    }
}
