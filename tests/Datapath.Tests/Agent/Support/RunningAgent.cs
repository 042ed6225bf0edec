using Datapath.Agent.Commands;
using Datapath.Agent.Documents;
using Xunit;

namespace Datapath.Tests.Agent.Support;

/// <summary>An agent inside the test's own process, on a real socket; stopped at the end of the test.</summary>
internal sealed class RunningAgent : IAsyncDisposable
{
    /// <summary>How long a test waits for what must happen; a busy machine takes its time.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private readonly AgentFixture _fixture;
    private readonly CancellationTokenSource _stop = new();
    private readonly LogText _log = new();

    public RunningAgent(AgentFixture fixture, string[] arguments)
    {
        _fixture = fixture;
        Exit = CommandLine.RunAsync(arguments, fixture.Parts, TextWriter.Null, _log, _stop.Token);
    }

    /// <summary>Completes with the exit code.</summary>
    public Task<int> Exit { get; }

    /// <summary>What it has logged so far; complete once it has ended.</summary>
    public string Log => _log.ToString();

    public async Task<int> StopAsync()
    {
        await _stop.CancelAsync();
        return await Exit.WaitAsync(Patience, TestContext.Current.CancellationToken);
    }

    /// <summary>Asks for the status until it is as expected.</summary>
    public async Task<StatusDocument> UntilAsync(Func<StatusDocument, bool> isExpected)
    {
        StatusDocument? last = null;
        for (int i = 0; i < Patience / TimeSpan.FromMilliseconds(20) && !Exit.IsCompleted; i++)
        {
            last = await _fixture.StatusAsync();
            if (last is not null && isExpected(last))
            {
                return last;
            }

            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        Assert.Fail($"the agent did not get there; it says {last}, exit {(Exit.IsCompletedSuccessfully ? await Exit : -1)}, log:\n{Log}");
        return null!;
    }

    /// <summary>Waits for a text in its log.</summary>
    public async Task UntilLoggedAsync(string text)
    {
        for (int i = 0; i < Patience / TimeSpan.FromMilliseconds(20) && !Log.Contains(text, StringComparison.Ordinal); i++)
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        Assert.Contains(text, Log, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
    }
}
