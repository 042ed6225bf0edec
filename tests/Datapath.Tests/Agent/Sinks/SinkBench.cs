using Datapath.Agent.Hosting;
using Datapath.Agent.Records;
using Datapath.Agent.Sinks;
using Datapath.Flows;
using Datapath.Tests.Agent.Support;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Agent.Sinks;

/// <summary>A sink with its runner and its pipe, as the agent has them, and a hand that makes records.</summary>
internal sealed class SinkBench : IAsyncDisposable
{
    private readonly LogText _log = new();
    private readonly CancellationTokenSource _giveUp = new();
    private readonly RecordStream _stream = new();
    private readonly Task _running;

    public SinkBench(FlowSink sink)
    {
        Runner = new SinkRunner(sink, new LineLogger(_log, TimeProvider.System), TimeProvider.System);
        _stream.Add(Runner.Pipe);
        _running = Task.Run(() => Runner.RunAsync(_giveUp.Token));
    }

    public SinkRunner Runner { get; }

    public string Log => _log.ToString();

    /// <summary>Makes records whose source ports count from 1.</summary>
    public void Make(int count, FlowEvent? flow = null)
    {
        for (int i = 1; i <= count; i++)
        {
            _stream.Offer(FlowEvents.Record((flow ?? FlowEvents.Of()) with { SourcePort = (ushort)i }));
        }

        _stream.Flush();
    }

    public Task UntilDeliveredAsync(long count) => UntilAsync(() => Runner.Delivered >= count, $"{count} delivered");

    public async Task UntilAsync(Func<bool> isSo, string what)
    {
        for (int i = 0; i < RunningAgent.Patience / TimeSpan.FromMilliseconds(10) && !isSo(); i++)
        {
            Assert.False(_running.IsFaulted, _running.Exception?.ToString());
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        Assert.True(isSo(), $"not so: {what}; delivered {Runner.Delivered}, failures {Runner.Failures}, problem {Runner.Problem}");
    }

    /// <summary>Ends the pipe, and waits until the sink has everything.</summary>
    public async Task EndAsync()
    {
        _stream.Complete();
        await _running.WaitAsync(RunningAgent.Patience, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _giveUp.CancelAsync();
        _stream.Complete();
        await _running;
        _giveUp.Dispose();
    }
}
