using System.Collections.Immutable;
using System.Globalization;
using Datapath.Agent.Sinks;

namespace Datapath.Agent.Commands;

/// <summary>How <c>datapath flows</c> prints.</summary>
internal enum FlowOutput
{
    /// <summary>Columns for people.</summary>
    Table,

    /// <summary>An object a line.</summary>
    Json,

    /// <summary>RFC 4180.</summary>
    Csv,
}

/// <summary>What the texts of options about flows mean. Refusals are sentences that say what to write.</summary>
internal static class FlowText
{
    private const int MostFacilities = 24;
    private static readonly TimeSpan LeastAge = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan MostAge = TimeSpan.FromDays(3650);

    /// <summary><c>none</c>, or names of sinks, separated by commas.</summary>
    public static OptionReading<ImmutableArray<SinkKind>> Sinks(string text)
    {
        ImmutableArray<SinkKind> sinks = [];
        foreach (string name in text == "none" ? [] : text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (SinkOf(name) is not { } kind)
            {
                return Refused<ImmutableArray<SinkKind>>($"'{name}' is none of file, stdout, syslog and otlp");
            }

            sinks = sinks.Contains(kind) ? sinks : sinks.Add(kind);
        }

        return sinks;
    }

    /// <summary>A size of files: a number with K, M or G behind it.</summary>
    public static OptionReading<long> Size(string text)
    {
        int shift = text is [.., var unit] ? unit switch { 'K' => 10, 'M' => 20, 'G' => 30, _ => -1 } : -1;
        bool isNumber = long.TryParse(text.AsSpan(0, Math.Max(0, text.Length - 1)), NumberStyles.None, CultureInfo.InvariantCulture, out long count);
        return shift >= 0 && isNumber && count < 1L << 31 && count << shift >= RecordKeeping.LeastBytes
            ? count << shift
            : Refused<long>($"'{text}' is not a size of 1M or more: write 512M or 2G");
    }

    /// <summary>How long something is kept.</summary>
    public static OptionReading<TimeSpan> Age(string text) =>
        FlowTime.Duration(text) is { } age && age >= LeastAge && age <= MostAge ? age : Refused<TimeSpan>($"'{text}' is not an age: write 12h or 30d, 1m to 3650d");

    /// <summary>A syslog endpoint.</summary>
    public static OptionReading<SyslogEndpoint> Endpoint(string text) =>
        SyslogEndpoint.Parse(text) is { } endpoint
            ? endpoint
            : Refused<SyslogEndpoint>($"'{text}' is no syslog endpoint: write udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or unix:/PATH");

    /// <summary><c>auto</c>, <c>bsd</c> or <c>ietf</c>.</summary>
    public static OptionReading<SyslogFormat> Format(string text) =>
        text switch
        {
            "auto" => SyslogFormat.Auto,
            "bsd" => SyslogFormat.Bsd,
            "ietf" => SyslogFormat.Ietf,
            _ => Refused<SyslogFormat>($"'{text}' is none of auto, bsd and ietf"),
        };

    /// <summary>0 to 23.</summary>
    public static OptionReading<int> Facility(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int facility) && facility < MostFacilities
            ? facility
            : Refused<int>($"'{text}' is not a facility: write 0 to 23");

    /// <summary>An address of http or https.</summary>
    public static OptionReading<Uri> HttpUrl(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https" && uri.Host.Length > 0
            ? uri
            : Refused<Uri>($"'{text}' is no address of a collector: write http://HOST:PORT");

    /// <summary><c>http</c> or <c>grpc</c>.</summary>
    public static OptionReading<OtlpProtocol> Protocol(string text) =>
        text switch
        {
            "http" => OtlpProtocol.Http,
            "grpc" => OtlpProtocol.Grpc,
            _ => Refused<OtlpProtocol>($"'{text}' is neither http nor grpc"),
        };

    /// <summary><c>table</c>, <c>json</c> or <c>csv</c>.</summary>
    public static OptionReading<FlowOutput> Output(string text) =>
        text switch
        {
            "table" => FlowOutput.Table,
            "json" => FlowOutput.Json,
            "csv" => FlowOutput.Csv,
            _ => Refused<FlowOutput>($"'{text}' is none of table, json and csv"),
        };

    /// <summary>How many times.</summary>
    public static OptionReading<int> Count(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count > 0 ? count : Refused<int>($"'{text}' is not a number of times: write 1 or more");

    private static SinkKind? SinkOf(string name) =>
        name switch
        {
            "file" => SinkKind.File,
            "stdout" => SinkKind.Stdout,
            "syslog" => SinkKind.Syslog,
            "otlp" => SinkKind.Otlp,
            _ => null,
        };

    private static OptionReading<T> Refused<T>(string problem) => new(default, problem);
}
