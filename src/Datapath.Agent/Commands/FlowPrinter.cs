using System.Text;
using System.Text.Json;
using Datapath.Agent.Documents;
using Datapath.Flows;

namespace Datapath.Agent.Commands;

/// <summary>Prints flow records one by one, as they come: no column waits for the widest cell of all.</summary>
/// <param name="output">Where to.</param>
/// <param name="form">How.</param>
internal sealed class FlowPrinter(TextWriter output, FlowOutput form)
{
    private const int RightAligned = 9;

    private static readonly (string Header, int Width)[] Columns =
    [
        ("time", 23), ("action", 6), ("direction", 9), ("source", 28), ("destination", 28), ("port", 10), ("policy", 24), ("rule", 12), ("reason", 7), ("count", 5), ("bytes", 5),
    ];

    private static readonly (string Name, Func<FlowRecordDocument, object?> Value)[] Fields =
    [
        ("timestamp", one => one.Timestamp), ("firstSeen", one => one.FirstSeen), ("lastSeen", one => one.LastSeen), ("action", one => one.Action),
        ("dropReason", one => one.DropReason), ("value", one => one.Value), ("direction", one => one.Direction), ("sourceID", one => one.SourceId),
        ("sourceIP", one => one.SourceIp), ("sourcePort", one => one.SourcePort), ("destinationID", one => one.DestinationId),
        ("destinationIP", one => one.DestinationIp), ("destinationPort", one => one.DestinationPort), ("protocol", one => one.Protocol),
        ("icmpType", one => one.IcmpType), ("icmpCode", one => one.IcmpCode), ("policyNamespace", one => one.PolicyNamespace),
        ("policyID", one => one.PolicyId), ("policyType", one => one.PolicyType), ("ruleName", one => one.RuleName),
        ("rulePosition", one => one.RulePosition), ("observedAction", one => one.ObservedAction), ("observedPolicyID", one => one.ObservedPolicyId),
        ("sourcePackets", one => one.SourcePackets), ("sourceBytes", one => one.SourceBytes), ("destinationPackets", one => one.DestinationPackets),
        ("destinationBytes", one => one.DestinationBytes), ("processingUnitID", one => one.ProcessingUnitId), ("hook", one => one.Hook), ("generation", one => one.Generation),
    ];

    /// <summary>Prints what stands above the records.</summary>
    public void Begin()
    {
        if (form == FlowOutput.Table)
        {
            Row([.. Columns.Select(column => column.Header)]);
        }
        else if (form == FlowOutput.Csv)
        {
            CsvRow(Fields.Select(field => field.Name));
        }
    }

    /// <summary>Prints a record.</summary>
    /// <param name="line">As the agent gave it.</param>
    public void Print(string line)
    {
        if (form == FlowOutput.Json)
        {
            output.Write(line + "\n");
        }
        else if (JsonSerializer.Deserialize(line, AgentJson.Compact.FlowRecordDocument) is { } record)
        {
            if (form == FlowOutput.Csv)
            {
                CsvRow(Fields.Select(field => FormattableString.Invariant($"{field.Value(record)}")));
            }
            else
            {
                Row(Cells(record));
            }
        }
    }

    private static string[] Cells(FlowRecordDocument record) =>
        [
            record.Timestamp.Length == FlowTimeText.Length ? record.Timestamp[..23] : record.Timestamp,
            record.Action,
            record.Direction,
            End(record.SourceName, record.SourceIp),
            End(record.DestinationName, record.DestinationIp),
            Service(record),
            Policy(record),
            record.RulePosition == 0 ? "-" : $"{record.RulePosition} {record.RuleName}".TrimEnd(),
            record.DropReason ?? "-",
            $"{record.Value}",
            record.SourceBytes is null ? "" : $"{record.SourceBytes}+{record.DestinationBytes}",
        ];

    private static string Policy(FlowRecordDocument record) =>
        record.PolicyType == "none" ? "-"
        : record.PolicyNamespace == FlowWords.Default ? record.PolicyId
        : FlowEndpoint.Path(record.PolicyNamespace, record.PolicyId);

    private static string End(string name, string address) => name.Length == 0 ? address : $"{name} {address}";

    private static string Service(FlowRecordDocument record) =>
        record.IcmpType is { } type ? $"icmp/{type}/{record.IcmpCode}" : ProtocolText.Of(record.Protocol, record.DestinationPort);

    private void Row(string[] cells)
    {
        StringBuilder line = new();
        for (int i = 0; i < cells.Length; i++)
        {
            string cell = Printable(cells[i]);
            line.Append(i == RightAligned ? cell.PadLeft(Columns[i].Width) : cell.PadRight(Columns[i].Width)).Append("  ");
        }

        output.Write(line.ToString().TrimEnd() + "\n");
    }

    // Names come from policy files, and none of them may draw on somebody's terminal.
    private static string Printable(string text) => text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? '?' : c)) : text;

    private void CsvRow(IEnumerable<string> cells) => output.Write(string.Join(',', cells.Select(Quoted)) + "\r\n");

    private static string Quoted(string cell) => cell.AsSpan().IndexOfAny(",\"\r\n") < 0 ? cell : $"\"{cell.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
