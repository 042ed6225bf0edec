using System.Buffers.Binary;
using System.Text;

namespace Datapath.Tests.Agent.Sinks;

/// <summary>A log record as it is on the wire: read by hand from the wire format of protobuf, so that nothing of the exporter reads itself back.</summary>
/// <param name="TimeNanoseconds">Field 1, <c>time_unix_nano</c>.</param>
/// <param name="Severity">Field 2, <c>severity_number</c>.</param>
/// <param name="Body">Field 5.</param>
/// <param name="Attributes">Field 6: strings, integers, booleans; arrays are left out.</param>
/// <param name="Resource">The attributes of the resource that it belongs to.</param>
internal sealed record OtlpRecord(ulong TimeNanoseconds, long Severity, string Body, Dictionary<string, object> Attributes, Dictionary<string, object> Resource)
{
    /// <summary>Every record of an <c>ExportLogsServiceRequest</c>.</summary>
    public static IEnumerable<OtlpRecord> ReadRequest(ReadOnlyMemory<byte> request) =>
        from resourceLogs in Messages(request, 1)
        let resource = Messages(resourceLogs, 1).Select(one => AttributesOf(one, 1)).FirstOrDefault() ?? []
        from scopeLogs in Messages(resourceLogs, 2)
        from record in Messages(scopeLogs, 2)
        select Read(record, resource);

    private static OtlpRecord Read(ReadOnlyMemory<byte> record, Dictionary<string, object> resource)
    {
        ulong time = Fields(record).Single(field => field.Number == 1).Value;
        long severity = (long)Fields(record).Single(field => field.Number == 2).Value;
        return new OtlpRecord(time, severity, (string)Any(Messages(record, 5).Single())!, AttributesOf(record, 6), resource);
    }

    private static Dictionary<string, object> AttributesOf(ReadOnlyMemory<byte> message, int number)
    {
        Dictionary<string, object> attributes = new(StringComparer.Ordinal);
        foreach (ReadOnlyMemory<byte> pair in Messages(message, number))
        {
            if (Any(Messages(pair, 2).Single()) is { } value)
            {
                attributes.Add(Encoding.UTF8.GetString(Messages(pair, 1).Single().Span), value);
            }
        }

        return attributes;
    }

    // AnyValue: string_value = 1, bool_value = 2, int_value = 3.
    private static object? Any(ReadOnlyMemory<byte> value)
    {
        foreach ((int number, ulong number64, ReadOnlyMemory<byte> bytes) in Fields(value))
        {
            return number switch
            {
                1 => Encoding.UTF8.GetString(bytes.Span),
                2 => number64 != 0,
                3 => (long)number64,
                _ => null,
            };
        }

        return null;
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Messages(ReadOnlyMemory<byte> message, int number) =>
        Fields(message).Where(field => field.Number == number).Select(field => field.Bytes);

    private static List<(int Number, ulong Value, ReadOnlyMemory<byte> Bytes)> Fields(ReadOnlyMemory<byte> message)
    {
        List<(int, ulong, ReadOnlyMemory<byte>)> fields = [];
        while (!message.IsEmpty)
        {
            ulong tag = Varint(ref message);
            (int number, int wire) = ((int)(tag >> 3), (int)(tag & 7));
            switch (wire)
            {
                case 0:
                    fields.Add((number, Varint(ref message), default));
                    break;
                case 1:
                    fields.Add((number, BinaryPrimitives.ReadUInt64LittleEndian(message.Span), default));
                    message = message[8..];
                    break;
                case 2:
                    int length = (int)Varint(ref message);
                    fields.Add((number, 0, message[..length]));
                    message = message[length..];
                    break;
                case 5:
                    fields.Add((number, BinaryPrimitives.ReadUInt32LittleEndian(message.Span), default));
                    message = message[4..];
                    break;
                default:
                    throw new InvalidDataException($"wire type {wire}");
            }
        }

        return fields;
    }

    private static ulong Varint(ref ReadOnlyMemory<byte> message)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = message.Span[0];
            message = message[1..];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }
}
