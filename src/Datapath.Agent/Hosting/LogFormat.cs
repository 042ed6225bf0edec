namespace Datapath.Agent.Hosting;

/// <summary>What a line of the log looks like.</summary>
internal enum LogFormat
{
    /// <summary><c>time=… level=… event=… msg="…"</c>, then the values of the message by their names.</summary>
    KeyValue,

    /// <summary>The same as one JSON object.</summary>
    Json,
}
