using System.Buffers;
using System.Text.Json;
using Datapath.Flows;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Logs;

namespace Datapath.Agent.Sinks;

/// <summary>Makes OpenTelemetry log records of lines: each field an attribute of the same name, a sentence as body, the record's time.</summary>
/// <param name="logger">Of the OpenTelemetry factory.</param>
internal sealed class OtlpRecordLogger(ILogger logger)
{
    private static readonly EventId Flow = new(1, "flow");

    /// <summary>Emits one.</summary>
    /// <param name="line">A record as JSON.</param>
    public void Emit(ReadOnlySequence<byte> line)
    {
        List<KeyValuePair<string, object?>> fields = Read(line);
        bool isRejected = fields.Exists(field => field.Key == "action" && field.Value is FlowWords.Reject);
        logger.Log(isRejected ? LogLevel.Warning : LogLevel.Information, Flow, fields, exception: null, static (all, _) => Sentence(all));
    }

    private static List<KeyValuePair<string, object?>> Read(ReadOnlySequence<byte> line)
    {
        List<KeyValuePair<string, object?>> fields = new(capacity: 40);
        Utf8JsonReader json = new(line);
        json.Read();
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            string name = json.GetString()!;
            json.Read();
            fields.Add(KeyValuePair.Create(name, Value(ref json)));
        }

        return fields;
    }

    private static object? Value(ref Utf8JsonReader json)
    {
        switch (json.TokenType)
        {
            case JsonTokenType.String:
                return json.GetString();
            case JsonTokenType.Number:
                return json.GetInt64();
            case JsonTokenType.True or JsonTokenType.False:
                return json.GetBoolean();
            default:
                List<string> items = [];
                while (json.Read() && json.TokenType == JsonTokenType.String)
                {
                    items.Add(json.GetString()!);
                }

                return items.ToArray();
        }
    }

    private static string Sentence(List<KeyValuePair<string, object?>> fields)
    {
        return $"{Of("action")} {Of("direction")} {Of("sourceIP")} to {Of("destinationIP")} protocol {Of("protocol")} port {Of("destinationPort")}";

        object? Of(string name) => fields.Find(field => field.Key == name).Value;
    }
}

/// <summary>Gives log records the time of the flow record instead of the time at which it is sent.</summary>
internal sealed class OtlpRecordTime : BaseProcessor<LogRecord>
{
    /// <inheritdoc/>
    public override void OnEnd(LogRecord data)
    {
        if (data.Attributes?.FirstOrDefault(field => field.Key == "timestamp").Value is string text)
        {
            data.Timestamp = DateTimeOffset.Parse(text, provider: null).UtcDateTime;
        }
    }
}
