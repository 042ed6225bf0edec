namespace Datapath.Agent.Sinks;

/// <summary>How an OpenTelemetry collector is spoken to.</summary>
internal enum OtlpProtocol
{
    /// <summary>Protobuf over HTTP.</summary>
    Http,

    /// <summary>gRPC.</summary>
    Grpc,
}
