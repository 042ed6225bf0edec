using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Datapath.Agent.Documents;

/// <summary>How our documents become JSON; generated at build time, so that nothing is looked up at run time.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(StatusDocument))]
[JsonSerializable(typeof(VersionDocument))]
[JsonSerializable(typeof(FlowEventDocument))]
[JsonSerializable(typeof(CheckDocument))]
[JsonSerializable(typeof(PurgeDocument))]
[JsonSerializable(typeof(ExplainDocument))]
[JsonSerializable(typeof(CompileDocument))]
[JsonSerializable(typeof(DiffDocument))]
[JsonSerializable(typeof(OrderDocument))]
[JsonSerializable(typeof(DoctorDocument))]
[JsonSerializable(typeof(FlowRecordDocument))]
[JsonSerializable(typeof(TopDocument))]
[JsonSerializable(typeof(ConfigDocument))]
[JsonSerializable(typeof(InstallDocument))]
[JsonSerializable(typeof(AuditDocument))]
[JsonSerializable(typeof(ConnectionsDocument))]
[JsonSerializable(typeof(PingDocument))]
[JsonSerializable(typeof(CountersDocument))]
[JsonSerializable(typeof(PolicyFilesDocument))]
internal sealed partial class AgentJson : JsonSerializerContext
{
    /// <summary>For other programs: one line.</summary>
    public static AgentJson Compact { get; } = new(WithPlainText(indented: false));

    /// <summary>For <c>--json</c> on a terminal: indented.</summary>
    public static AgentJson Indented { get; } = new(WithPlainText(indented: true));

    // The default encoder writes ' and é as \u escapes, for the sake of browsers; ours end in terminals and logs.
    private static JsonSerializerOptions WithPlainText(bool indented) =>
        new()
        {
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            WriteIndented = indented,
        };
}
