using System.Collections.Immutable;
using Datapath.Agent.Documents;
using Datapath.Agent.Records;
using Datapath.Policy.Rulesets;
using Microsoft.Extensions.Logging;

namespace Datapath.Agent.Sinks;

/// <summary>The sink that the enforcer profile of this host asks for: it comes, changes and goes with the policy.</summary>
/// <param name="loop">Makes the records.</param>
/// <param name="places">Where files are, and what the agent is called.</param>
/// <param name="isConfigured">Whether the agent's own settings name a syslog: then they hold, and the profile does not count.</param>
/// <param name="log">Told what is wrong with the profile.</param>
/// <param name="clock">Times the sink.</param>
internal sealed class ProfileSink(RecordLoop loop, SinkPlaces places, bool isConfigured, ILogger log, TimeProvider clock) : IAsyncDisposable
{
    // What the sink has not taken by then is counted as not delivered.
    private static readonly TimeSpan TimeToEnd = TimeSpan.FromSeconds(1);

    private readonly Lock _turn = new();
    private SyslogProfile? _wanted;
    private Running? _running;

    /// <summary>What became of its records; empty when there is no such sink.</summary>
    public ImmutableArray<SinkDocument> Report()
    {
        lock (_turn)
        {
            return _running is { Runner: var runner } ? [new SinkDocument(runner.Name, runner.Delivered, runner.Pipe.Dropped, runner.Failures, runner.Problem)] : [];
        }
    }

    /// <summary>A policy is in force: what its profile says holds from now on.</summary>
    /// <param name="profile">Of the policy; null when it asks for no syslog.</param>
    public void Follow(SyslogProfile? profile)
    {
        if (isConfigured || profile == _wanted)
        {
            return;
        }

        _wanted = profile;
        _ = EndAsync();
        if (profile is not null)
        {
            Begin(profile);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await EndAsync();

    private void Begin(SyslogProfile profile)
    {
        try
        {
            if (ProfileSyslog.Read(profile, Path.Combine(places.StateDirectory, "syslog"), out string? problem) is not { } settings)
            {
                log.ProfileSyslogWrong(problem!);
                return;
            }

            SinkRunner runner = new(SinkSet.SyslogSink(settings, places.Enforcer, clock), log, clock);
            CancellationTokenSource giveUp = new();
            lock (_turn)
            {
                _running = new Running(runner, Task.Run(() => runner.RunAsync(giveUp.Token), CancellationToken.None), giveUp);
            }

            loop.Add(runner.Pipe);
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            log.ProfileSyslogWrong(refusal.Message);
        }
    }

    private async Task EndAsync()
    {
        Running? ended;
        lock (_turn)
        {
            (ended, _running) = (_running, null);
        }

        if (ended is not null)
        {
            loop.Remove(ended.Runner.Pipe);
            ended.GiveUp.CancelAfter(TimeToEnd);
            await ended.Task;
            ended.GiveUp.Dispose();
        }
    }

    private sealed record Running(SinkRunner Runner, Task Task, CancellationTokenSource GiveUp);
}
