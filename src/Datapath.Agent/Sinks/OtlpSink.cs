using System.Buffers;
using Datapath.Agent.Records;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Resources;

namespace Datapath.Agent.Sinks;

/// <summary>Where OpenTelemetry logs go.</summary>
/// <param name="Endpoint">The collector; for HTTP without a path the standard one is added.</param>
/// <param name="IsGrpc">gRPC instead of HTTP with protobuf.</param>
internal sealed record OtlpSettings(Uri Endpoint, bool IsGrpc)
{
    /// <summary>A collector on this host.</summary>
    public static OtlpSettings Default { get; } = new(new Uri("http://127.0.0.1:4318"), IsGrpc: false);

    /// <summary>The address that requests go to.</summary>
    public Uri Target => IsGrpc || Endpoint.AbsolutePath != "/" ? Endpoint : new Uri(Endpoint, "/v1/logs");
}

/// <summary>Log records over OTLP, by the exporter of the OpenTelemetry project, which takes its headers and time-out from <c>OTEL_EXPORTER_OTLP_*</c>.</summary>
/// <remarks>
/// The exporter drops in silence what it cannot send. So one batch is given to it, which it sends in one request when it is told to and not before;
/// <see cref="OtlpWatch"/> says what became of that request, and a batch that was refused comes again. This is the one sink that allocates for a
/// record: the exporter wants objects.
/// </remarks>
/// <param name="settings">Where to.</param>
/// <param name="enforcer">Name of the agent, <c>service.instance.id</c>.</param>
internal sealed class OtlpSink(OtlpSettings settings, string enforcer) : FlowSink
{
    private const int MostRecords = 512;
    private const int TimeoutMilliseconds = 10_000;

    private readonly OtlpWatch _watch = new();
    private Pipeline? _pipeline;
    private Task<bool> _flush = Task.FromResult(true);

    /// <inheritdoc/>
    public override string Name => "otlp";

    /// <inheritdoc/>
    public override FlowRecordReceiverFactory Format => RecordFormats.JsonLines(enforcer);

    /// <inheritdoc/>
    public override async ValueTask<SequencePosition> WriteAsync(ReadOnlySequence<byte> lines, CancellationToken cancellation)
    {
        // The exporter blocks a thread for as long as it waits: never two.
        await _flush.WaitAsync(cancellation);
        Pipeline pipeline = _pipeline ??= Open();
        Task<string?> answer = _watch.NextAnswer();
        ReadOnlySequence<byte> rest = lines;
        for (int i = 0; i < MostRecords && RecordLines.TryTake(ref rest, out ReadOnlySequence<byte> line); i++)
        {
            pipeline.Logger.Emit(line);
        }

        _flush = Task.Run(() => pipeline.Processor.ForceFlush(2 * TimeoutMilliseconds), CancellationToken.None);
        _ = await _flush.WaitAsync(cancellation);

        // A flush is over when the records have left the queue, which is before they are sent, and also when its time is over.
        if (await AnswerAsync(answer, cancellation) is { } problem)
        {
            throw new IOException(problem);
        }

        return rest.Start;
    }

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        // The connection is the exporter's, and it opens another by itself. At the end of the agent all goes.
        return ValueTask.CompletedTask;
    }

    private static async Task<string?> AnswerAsync(Task<string?> answer, CancellationToken cancellation)
    {
        try
        {
            return await answer.WaitAsync(TimeSpan.FromMilliseconds(2 * TimeoutMilliseconds), cancellation);
        }
        catch (TimeoutException)
        {
            return "the exporter sent nothing in its time";
        }
    }

    private Pipeline Open()
    {
        OtlpExporterOptions options = new()
        {
            Endpoint = settings.Target,
            Protocol = settings.IsGrpc ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf,
            TimeoutMilliseconds = TimeoutMilliseconds,
            HttpClientFactory = () => new HttpClient(_watch) { Timeout = TimeSpan.FromMilliseconds(TimeoutMilliseconds) },
        };
        BatchLogRecordExportProcessor processor = new(
            new OtlpLogExporter(options),
            maxQueueSize: 2 * MostRecords,
            scheduledDelayMilliseconds: int.MaxValue,
            exporterTimeoutMilliseconds: TimeoutMilliseconds,
            maxExportBatchSize: MostRecords
        );
        ResourceBuilder resource = ResourceBuilder
            .CreateEmpty()
            .AddService("datapath", serviceVersion: AgentVersion.Current.Number, serviceInstanceId: enforcer)
            .AddAttributes([KeyValuePair.Create<string, object>("host.name", Environment.MachineName)]);
        ILoggerFactory factory = LoggerFactory.Create(logging =>
            logging.AddOpenTelemetry(telemetry =>
            {
                telemetry.SetResourceBuilder(resource);
                telemetry.AddProcessor(new OtlpRecordTime());
                telemetry.AddProcessor(processor);
            })
        );
        return new Pipeline(new OtlpRecordLogger(factory.CreateLogger("datapath.flows")), processor);
    }

    private sealed record Pipeline(OtlpRecordLogger Logger, BaseProcessor<LogRecord> Processor);
}
