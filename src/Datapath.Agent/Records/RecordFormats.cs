using System.Buffers;
using Datapath.Flows;

namespace Datapath.Agent.Records;

/// <summary>How records are written into pipes.</summary>
internal static class RecordFormats
{
    /// <summary>JSON, one object a line.</summary>
    /// <param name="enforcer">Name of the agent in the records.</param>
    public static FlowRecordReceiverFactory JsonLines(string enforcer) =>
        output =>
        {
            FlowRecordWriter writer = new(enforcer);
            return (in FlowRecord record) =>
            {
                writer.Write(output, record);
                EndLine(output);
            };
        };

    /// <summary>Ends a line.</summary>
    /// <param name="output">Receives a line feed.</param>
    public static void EndLine(IBufferWriter<byte> output)
    {
        output.GetSpan(1)[0] = (byte)'\n';
        output.Advance(1);
    }
}
