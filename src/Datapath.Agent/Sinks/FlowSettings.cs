using System.Collections.Immutable;

namespace Datapath.Agent.Sinks;

/// <summary>The kinds of sinks.</summary>
internal enum SinkKind
{
    /// <summary>JSON lines in files under the state directory.</summary>
    File,

    /// <summary>JSON lines on standard output.</summary>
    Stdout,

    /// <summary>Syslog messages.</summary>
    Syslog,

    /// <summary>OpenTelemetry logs.</summary>
    Otlp,
}

/// <summary>What becomes of flow events.</summary>
internal sealed record FlowSettings
{
    /// <summary>The sinks that records go to, each kind once; empty for none.</summary>
    public ImmutableArray<SinkKind> Sinks { get; init; } = [SinkKind.File];

    /// <summary>How often the repeats of a flow are reported.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Whether records say what flows have carried.</summary>
    public bool KeepsAccounts { get; init; }

    /// <summary>How much the files keep.</summary>
    public RecordKeeping Keeping { get; init; } = RecordKeeping.Default;

    /// <summary>Where syslog messages go.</summary>
    public SyslogSettings Syslog { get; init; } = new();

    /// <summary>Where OpenTelemetry logs go.</summary>
    public OtlpSettings Otlp { get; init; } = OtlpSettings.Default;

    /// <summary>Opens standard output for records.</summary>
    public Func<Stream> Stdout { get; init; } = () => Stream.Null;
}
