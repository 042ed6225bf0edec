using System.Collections.Immutable;
using Datapath.Agent.Documents;
using Datapath.Agent.Records;
using Microsoft.Extensions.Logging;

namespace Datapath.Agent.Sinks;

/// <summary>The sinks of an agent, from its start to its end.</summary>
/// <param name="settings">Which there are.</param>
/// <param name="places">Where files are, and what the agent is called.</param>
/// <param name="log">Told of sinks that fail.</param>
/// <param name="clock">Times them.</param>
internal sealed class SinkSet(FlowSettings settings, SinkPlaces places, ILogger log, TimeProvider clock)
{
    // Within the time that an agent has to end; what a sink has not taken by then is counted as not delivered.
    private static readonly TimeSpan TimeToEnd = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan TendInterval = TimeSpan.FromMinutes(1);

    private readonly ImmutableArray<SinkRunner> _runners = [.. settings.Sinks.Select(kind => new SinkRunner(Create(kind, settings, places, clock), log, clock))];

    /// <summary>The file sink; null when there is none, and thus no history.</summary>
    public SinkRunner? Files => _runners.FirstOrDefault(runner => runner.Name == "file");

    /// <summary>What became of the records of each sink.</summary>
    public ImmutableArray<SinkDocument> Report() =>
        [
            .. _runners.Select(runner => new SinkDocument(runner.Name, runner.Delivered, runner.Pipe.Dropped + runner.PassedOver, runner.Failures, runner.Problem)),
        ];

    /// <summary>Runs a loop with its sinks, until it is stopped and they have what it made.</summary>
    /// <param name="loop">Makes the records.</param>
    /// <param name="stop">Stops it.</param>
    public async Task RunAsync(RecordLoop loop, CancellationToken stop)
    {
        using CancellationTokenSource giveUp = new();
        using CancellationTokenSource over = new();
        Task[] sinks = [.. _runners.Select(runner => Task.Run(() => runner.RunAsync(giveUp.Token), CancellationToken.None))];
        foreach (SinkRunner runner in _runners)
        {
            loop.Add(runner.Pipe);
        }

        Task tending = TendAsync(over.Token);
        Task records = loop.RunAsync(stop);

        // A sink that ends before the loop has met a bug, and that is to be seen at once.
        await await Task.WhenAny([records, .. sinks]);
        await records;
        giveUp.CancelAfter(TimeToEnd);
        await over.CancelAsync();
        await Task.WhenAll([tending, .. sinks]);
    }

    private async Task TendAsync(CancellationToken over)
    {
        using PeriodicTimer timer = new(TendInterval, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(over))
            {
                foreach (SinkRunner runner in _runners)
                {
                    runner.Tend();
                }
            }
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            // The usual end.
        }
    }

    private static FlowSink Create(SinkKind kind, FlowSettings settings, SinkPlaces places, TimeProvider clock) =>
        kind switch
        {
            SinkKind.File => new FileSink(places.RecordDirectory, settings.Keeping, places.Enforcer, clock),
            SinkKind.Stdout => new StreamSink(settings.Stdout, places.Enforcer),
            SinkKind.Otlp => new OtlpSink(settings.Otlp, places.Enforcer),
            _ => SyslogSink(settings.Syslog, places.Enforcer, clock),
        };

    /// <summary>A sink of syslog messages, by what its endpoint says.</summary>
    /// <param name="settings">Where to, and how it looks.</param>
    /// <param name="enforcer">What the agent is called in records.</param>
    /// <param name="clock">The time zone of messages.</param>
    public static FlowSink SyslogSink(SyslogSettings settings, string enforcer, TimeProvider clock) =>
        settings.Endpoint.Transport is SyslogTransport.Tcp or SyslogTransport.Tls
            ? new SyslogStreamSink(settings, enforcer, clock)
            : new SyslogDatagramSink(settings, enforcer, clock);
}

/// <summary>What sinks must know of their agent.</summary>
/// <param name="StateDirectory">Where the agent keeps what outlives it.</param>
/// <param name="Enforcer">What the agent is called in records.</param>
internal sealed record SinkPlaces(string StateDirectory, string Enforcer)
{
    /// <summary>Where the files of records are.</summary>
    public string RecordDirectory => Path.Combine(StateDirectory, "flows");
}
