using System.Buffers;
using System.Globalization;
using System.Text;
using Datapath.Agent.Records;
using Datapath.Flows;
using Datapath.Policy.Compilation;

namespace Datapath.Agent.Sinks;

/// <summary>Writes records as syslog messages: a head of one of the two forms, then the record's JSON. One line each, framed by who sends it.</summary>
/// <remarks>
/// RFC 5424 wants a byte order mark before UTF-8 text and RFC 8259 forbids it before JSON: there is none. Structured data would need a private
/// enterprise number; the fields are in the JSON.
/// </remarks>
/// <param name="settings">Form and facility.</param>
/// <param name="enforcer">Name of the agent in the records.</param>
/// <param name="clock">Whose time zone messages of the old form carry.</param>
internal sealed class SyslogMessage(SyslogSettings settings, string enforcer, TimeProvider clock)
{
    private const string Program = "datapath";
    private const int Notice = 5;
    private const int Informational = 6;
    private const int LongestTime = 64;

    private readonly byte[] _tail = Encoding.UTF8.GetBytes(
        settings.IsIetf
            ? $" {HostName()} {Program} {Environment.ProcessId} flow - "
            : settings.Endpoint.Transport == SyslogTransport.Local
                ? $" {Program}[{Environment.ProcessId}]: "
                : $" {HostName()} {Program}[{Environment.ProcessId}]: "
    );

    /// <summary>Makes what writes them.</summary>
    /// <param name="output">Where to.</param>
    public FlowRecordReceiver Writer(IBufferWriter<byte> output)
    {
        FlowRecordWriter writer = new(enforcer);
        return (in FlowRecord record) =>
        {
            WriteHead(output, record);
            output.Write(_tail);
            writer.Write(output, record);
            RecordFormats.EndLine(output);
        };
    }

    private void WriteHead(IBufferWriter<byte> output, in FlowRecord record)
    {
        Span<byte> head = output.GetSpan(LongestTime);
        int priority = settings.Facility * 8 + (record.Last.Verdict == Verdict.Allow ? Informational : Notice);
        head[0] = (byte)'<';
        priority.TryFormat(head[1..], out int length, default, CultureInfo.InvariantCulture);
        head[++length] = (byte)'>';
        length++;
        if (settings.IsIetf)
        {
            "1 "u8.CopyTo(head[length..]);
            FlowTimeText.Write(head[(length + 2)..], record.Time);
            length += 2 + FlowTimeText.Length;
        }
        else
        {
            // The old form has no zone, and its readers take it for theirs. The day is padded with a blank.
            DateTimeOffset local = TimeZoneInfo.ConvertTime(record.Time, clock.LocalTimeZone);
            string form = local.Day < 10 ? "MMM  d HH:mm:ss" : "MMM d HH:mm:ss";
            local.TryFormat(head[length..], out int written, form, CultureInfo.InvariantCulture);
            length += written;
        }

        output.Advance(length);
    }

    // A blank would end the field, and a name may be empty.
    private static string HostName()
    {
        string name = string.Concat(Environment.MachineName.Select(c => c is > ' ' and <= '~' ? c : '-'));
        return name.Length == 0 ? "-" : name;
    }
}
