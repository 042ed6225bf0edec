using System.Collections.Immutable;
using Datapath.Agent.Configuration;
using Datapath.Agent.Sinks;

namespace Datapath.Agent.Commands;

internal sealed partial class OptionTable
{
    private static readonly FlowSettings FlowDefaults = new();

    /// <summary>How often repeats are reported.</summary>
    public AgentOption<TimeSpan> FlowInterval { get; } =
        Option("--flow-interval", "TIME", "How often the repeats of a flow are reported; a new one is at once", "DATAPATH_FLOW_INTERVAL", FlowDefaults.Interval, "5m", OptionText.Time, sources);

    /// <summary>Whether bytes and packets of each flow are counted.</summary>
    public AgentOption<bool> FlowAccounting { get; } =
        Option("--flow-accounting", null, "Count packets and bytes of each flow, both ways, which costs each packet a lookup", "DATAPATH_FLOW_ACCOUNTING", false, null, OptionText.Flag, sources);

    /// <summary>Where records go.</summary>
    public AgentOption<ImmutableArray<SinkKind>> FlowSinks { get; } =
        Option("--flow-sinks", "LIST|none", "Where flow records go: file, stdout, syslog, otlp, any of them", "DATAPATH_FLOW_SINKS", FlowDefaults.Sinks, "file", FlowText.Sinks, sources);

    /// <summary>What the files of records may take.</summary>
    public AgentOption<long> FlowMaxSize { get; } =
        Option("--flow-max-size", "SIZE", "What the files of flow records may take, under the state directory: 512M or 2G", "DATAPATH_FLOW_MAX_SIZE", FlowDefaults.Keeping.Bytes, "256M", FlowText.Size, sources);

    /// <summary>How long records are kept.</summary>
    public AgentOption<TimeSpan> FlowMaxAge { get; } =
        Option("--flow-max-age", "TIME", "How long flow records are kept in files: 12h or 30d", "DATAPATH_FLOW_MAX_AGE", FlowDefaults.Keeping.Age, "7d", FlowText.Age, sources);

    /// <summary>Where syslog messages go.</summary>
    public AgentOption<SyslogEndpoint> SyslogEndpoint { get; } =
        Option("--syslog-endpoint", "URL", "Where syslog messages go: udp://, tcp:// or tls://HOST:PORT, or unix:/PATH", "DATAPATH_SYSLOG_ENDPOINT", FlowDefaults.Syslog.Endpoint, "unix:/dev/log", FlowText.Endpoint, sources);

    /// <summary>What syslog messages look like.</summary>
    public AgentOption<SyslogFormat> SyslogFormat { get; } =
        Option("--syslog-format", "auto|bsd|ietf", "What syslog messages look like: bsd is RFC 3164, ietf RFC 5424; auto is bsd on a local socket, else ietf", "DATAPATH_SYSLOG_FORMAT", FlowDefaults.Syslog.Format, "auto", FlowText.Format, sources);

    /// <summary>The facility.</summary>
    public AgentOption<int> SyslogFacility { get; } =
        Option("--syslog-facility", "N", "The facility of syslog messages, 0 to 23", "DATAPATH_SYSLOG_FACILITY", FlowDefaults.Syslog.Facility, "1, user", FlowText.Facility, sources);

    /// <summary>Whom TLS trusts.</summary>
    public AgentOption<string?> SyslogServerCa { get; } =
        Option("--syslog-server-ca", "FILE", "PEM file of the authorities that a tls:// server's certificate must come from", "DATAPATH_SYSLOG_SERVER_CA", null, "those that the system trusts", OptionText.OptionalPath, sources);

    /// <summary>What TLS shows.</summary>
    public AgentOption<string?> SyslogClientCertificate { get; } =
        Option("--syslog-client-certificate", "FILE", "PEM file of the certificate that a tls:// server is shown", "DATAPATH_SYSLOG_CLIENT_CERTIFICATE", null, "none", OptionText.OptionalPath, sources);

    /// <summary>Its key.</summary>
    public AgentOption<string?> SyslogClientKey { get; } =
        Option("--syslog-client-key", "FILE", "PEM file of that certificate's key", "DATAPATH_SYSLOG_CLIENT_KEY", null, "the file of the certificate", OptionText.OptionalPath, sources);

    /// <summary>The collector.</summary>
    public AgentOption<Uri> OtlpEndpoint { get; } =
        Option("--otlp-endpoint", "URL", "Where OpenTelemetry logs go", "DATAPATH_OTLP_ENDPOINT", FlowDefaults.Otlp.Endpoint, "http://127.0.0.1:4318", FlowText.HttpUrl, sources);

    /// <summary>How it is spoken to.</summary>
    public AgentOption<OtlpProtocol> OtlpProtocol { get; } =
        Option("--otlp-protocol", "http|grpc", "How the OpenTelemetry collector is spoken to; http carries protobuf", "DATAPATH_OTLP_PROTOCOL", Sinks.OtlpProtocol.Http, "http", FlowText.Protocol, sources);

    /// <summary>From when on.</summary>
    public AgentOption<FlowTime?> Since { get; } =
        Option<FlowTime?>("--since", "TIME", "From when on: 5m or 1h30m counts back from now in any time zone, 2026-11-21T14:00Z or 2026-11-21T15:00+01:00 is that moment", null, null, "1h; with --follow, now", FlowTime.Parse, sources);

    /// <summary>Until when.</summary>
    public AgentOption<FlowTime?> Until { get; } =
        Option<FlowTime?>("--until", "TIME", "Until when, written like --since", null, null, "now", FlowTime.Parse, sources);

    /// <summary>What comes from now on.</summary>
    public AgentOption<bool> Follow { get; } =
        Option("--follow", null, "Go on with what happens from now on, until interrupted", null, false, null, OptionText.Flag, sources);

    /// <summary>Who takes part.</summary>
    public AgentOption<string?> Unit { get; } = Wanted("--unit", "NAME", "a processing unit or external network at either end: web or /shop/web", sources);

    /// <summary>Which address takes part.</summary>
    public AgentOption<string?> Address { get; } = Wanted("--address", "ADDRESS", "an address or network at either end", sources);

    /// <summary>Which port they go to.</summary>
    public AgentOption<string?> Port { get; } = Wanted("--port", "PORT", "a destination port, a range or a protocol: 443, tcp/443, udp/1000-2000, icmp", sources);

    /// <summary>What became of them.</summary>
    public AgentOption<string?> Action { get; } = Wanted("--action", "accept|reject", "this action", sources);

    /// <summary>What decided.</summary>
    public AgentOption<string?> Ruleset { get; } = Wanted("--ruleset", "NAME", "a ruleset that decided or observed: web-serves or /shop/web-serves", sources);

    /// <summary>How records are printed.</summary>
    public AgentOption<FlowOutput> Output { get; } =
        Option("--output", "table|json|csv", "How records are printed; json is one object a line", null, FlowOutput.Table, "table", FlowText.Output, sources);

    /// <summary>How often a table is drawn.</summary>
    public AgentOption<TimeSpan> Interval { get; } =
        Option("--interval", "TIME", "How often the table is drawn", null, TimeSpan.FromSeconds(2), "2s", OptionText.Time, sources);

    /// <summary>How many times a table is drawn; 0 until interrupted.</summary>
    public AgentOption<int> Count { get; } =
        Option("--count", "N", "How many times the table is drawn", null, 0, "until interrupted; once when the output is no terminal", FlowText.Count, sources);

    private static AgentOption<string?> Wanted(string name, string valueName, string what, OptionSources sources) =>
        Option<string?>(name, valueName, $"Only records of {what}", null, null, null, text => new OptionReading<string?>(OptionText.Text(text).Value, OptionText.Text(text).Problem), sources);

    private static AgentOption<T> Option<T>(
        string name,
        string? valueName,
        string purpose,
        string? environment,
        T standard,
        string? standardText,
        Func<string, OptionReading<T>> read,
        OptionSources sources
    ) =>
        new()
        {
            Name = name,
            ValueName = valueName,
            Purpose = purpose,
            Environment = environment,
            Default = standard,
            DefaultText = standardText,
            Read = read,
            Sources = sources,
        };
}
