using System.Collections.Immutable;
using Datapath.Lab.Agents;

namespace Datapath.Lab.Demo;

/// <summary>Collects the agent's flow events from the moment it is opened.</summary>
internal sealed class FlowWatch : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly List<FlowObservation> _flows = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly StreamReader _reader;
    private readonly Task _loop;
    private TaskCompletionSource _arrival = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private FlowWatch(StreamReader reader)
    {
        _reader = reader;
        _loop = Task.Run(ReadAsync);
    }

    /// <summary>Opens the stream.</summary>
    /// <param name="agent">The agent.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<FlowWatch> OpenAsync(AgentApi agent, CancellationToken cancellation) =>
        new(await agent.OpenEventsAsync(cancellation));

    /// <summary>Waits until enough events of a kind are there.</summary>
    /// <param name="selects">Which events.</param>
    /// <param name="count">How many are enough.</param>
    /// <param name="patience">How long to wait at most.</param>
    /// <param name="cancellation">Gives up, by an exception.</param>
    /// <returns>Those that are there in the end, perhaps fewer, perhaps more.</returns>
    public async Task<ImmutableArray<FlowObservation>> WaitForAsync(
        Func<FlowObservation, bool> selects,
        int count,
        TimeSpan patience,
        CancellationToken cancellation
    )
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(patience);
        while (true)
        {
            var (found, next) = Find(selects);
            if (found.Length >= count || _loop.IsCompleted)
            {
                return found;
            }

            try
            {
                await next.WaitAsync(deadline.Token);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                return Find(selects).Found;
            }
        }
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _reader.Dispose();
        _stop.Dispose();
    }

    private (ImmutableArray<FlowObservation> Found, Task NextArrival) Find(Func<FlowObservation, bool> selects)
    {
        lock (_lock)
        {
            return ([.. _flows.Where(selects)], _arrival.Task);
        }
    }

    private async Task ReadAsync()
    {
        try
        {
            while (await _reader.ReadLineAsync(_stop.Token) is { } line)
            {
                if (line.Length > 0)
                {
                    Add(FlowObservation.Parse(line));
                }
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            // We, or the agent's death, ended the stream: what came is what there is.
        }
        finally
        {
            Announce();
        }
    }

    private void Add(FlowObservation flow)
    {
        lock (_lock)
        {
            _flows.Add(flow);
        }

        Announce();
    }

    private void Announce()
    {
        TaskCompletionSource arrived;
        lock (_lock)
        {
            (arrived, _arrival) = (_arrival, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        arrived.SetResult();
    }
}
