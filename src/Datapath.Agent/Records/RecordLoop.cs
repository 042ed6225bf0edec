using System.Collections.Immutable;
using System.Threading.Channels;
using Datapath.Agent.Loops;
using Datapath.Flows;

namespace Datapath.Agent.Records;

/// <summary>Makes records of events and gives them to the sinks.</summary>
internal sealed class RecordLoop : IDisposable
{
    /// <summary>Flows whose repeats are counted at a time; some thirty megabytes when there are so many.</summary>
    public const int FlowCapacity = 65_536;

    // A turn of some milliseconds at most, so that who follows or asks waits no longer.
    private const int EventsInTurn = 1024;

    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    private readonly EventFeed _feed;
    private readonly TimeProvider _clock;
    private readonly FlowAggregator _aggregator;
    private readonly RecordStream _stream = new();
    private readonly FlowRecordReceiver _offer;
    private readonly Lock _turn = new();

    // Runs only while repeats are counted: who has nothing to report need not be woken each second.
    private readonly PeriodicTimer _timer;
    private bool _isTimed = true;
    private bool _isOver;

    /// <summary>A loop that does not run yet.</summary>
    /// <param name="feed">Where events and the names behind their numbers are.</param>
    /// <param name="interval">How often the repeats of a flow are reported.</param>
    /// <param name="clock">Times that.</param>
    public RecordLoop(EventFeed feed, TimeSpan interval, TimeProvider clock)
    {
        (_feed, _clock) = (feed, clock);
        _aggregator = new FlowAggregator(interval, FlowCapacity);
        _offer = _stream.Offer;
        _timer = new PeriodicTimer(Timeout.InfiniteTimeSpan, clock);
    }

    /// <summary>What flows have carried; null when nobody counts it.</summary>
    public FlowLedger? Ledger { get; init; }

    /// <summary>Flows that opened and packets that were dropped, since the agent started.</summary>
    public FlowTotals Totals { get; } = new();

    /// <summary>Records that were made since the agent started.</summary>
    public long Records => _stream.Records;

    /// <summary>Flows that went before their time because there was no room.</summary>
    public long Displaced
    {
        get
        {
            lock (_turn)
            {
                return _aggregator.Displaced;
            }
        }
    }

    /// <summary>Flows whose repeats are counted now.</summary>
    public int FlowCount
    {
        get
        {
            lock (_turn)
            {
                return _aggregator.FlowCount;
            }
        }
    }

    /// <summary>Runs until it is stopped; then what was counted is reported, and the pipes are at their end.</summary>
    /// <param name="stop">Stops it.</param>
    public async Task RunAsync(CancellationToken stop)
    {
        await Task.WhenAll(TakeAsync(stop), TickAsync(stop));
        while (TakeSome()) { }

        lock (_turn)
        {
            _aggregator.Flush(_feed.Names, Now(), _offer);
            _stream.Complete();
            _isOver = true;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_turn)
        {
            _isTimed = false;
        }

        _timer.Dispose();
    }

    /// <summary>Gives a pipe every record from now on.</summary>
    /// <param name="pipe">The pipe.</param>
    /// <param name="beforehand">Called before the first of them.</param>
    /// <returns>Time of the latest record that it does not get.</returns>
    public DateTimeOffset Add(SinkPipe pipe, Action? beforehand = null)
    {
        lock (_turn)
        {
            if (_isOver)
            {
                pipe.Complete();
                return _stream.LastTime;
            }

            beforehand?.Invoke();
            _stream.Add(pipe);
            return _stream.LastTime;
        }
    }

    /// <summary>Ends a pipe.</summary>
    /// <param name="pipe">The pipe.</param>
    public void Remove(SinkPipe pipe)
    {
        lock (_turn)
        {
            _stream.Remove(pipe);
        }
    }

    /// <summary>The flows that happen most often now, the busiest first.</summary>
    /// <param name="count">How many at most.</param>
    public ImmutableArray<BusyFlow> Busiest(int count)
    {
        lock (_turn)
        {
            return _aggregator.Busiest(count, _feed.Names, Now());
        }
    }

    /// <summary>Takes what the kernel has counted; what is added to each flow goes into its next record.</summary>
    /// <param name="accounts">All of them, each flow once.</param>
    public void Account(IReadOnlyCollection<FlowAccount> accounts)
    {
        // The events of what is counted come first.
        while (TakeSome()) { }

        lock (_turn)
        {
            if (Ledger is null || _isOver)
            {
                return;
            }

            FlowNames names = _feed.Names;
            FlowMoment now = Now();
            Ledger.Take(accounts, (flow, carried) => _aggregator.AddCarried(flow, carried, names, now, _offer));
            _stream.Flush();
            KeepTime();
        }
    }

    private async Task TakeAsync(CancellationToken stop)
    {
        ChannelReader<FlowEvent> events = _feed.Records.Events;
        try
        {
            while (await events.WaitToReadAsync(stop))
            {
                while (TakeSome()) { }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // What is left is taken at the end.
        }
    }

    private bool TakeSome()
    {
        lock (_turn)
        {
            FlowNames names = _feed.Names;
            FlowMoment now = Now();
            int taken = 0;
            for (; taken < EventsInTurn && _feed.Records.Events.TryRead(out FlowEvent? flow); taken++)
            {
                Totals.Count(flow, names);
                Ledger?.Note(flow);
                _aggregator.Add(flow, names, now, _offer);
            }

            _stream.Flush();
            KeepTime();
            return taken == EventsInTurn;
        }
    }

    private async Task TickAsync(CancellationToken stop)
    {
        try
        {
            while (await _timer.WaitForNextTickAsync(stop))
            {
                lock (_turn)
                {
                    _aggregator.Advance(_feed.Names, Now(), _offer);
                    _stream.Flush();
                    KeepTime();
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The end reports everything, due or not.
            lock (_turn)
            {
                _isTimed = false;
            }
        }
    }

    // To be called in turn.
    private void KeepTime()
    {
        TimeSpan wanted = _aggregator.FlowCount > 0 ? Tick : Timeout.InfiniteTimeSpan;
        if (_isTimed && _timer.Period != wanted)
        {
            _timer.Period = wanted;
        }
    }

    private FlowMoment Now() => new(_clock.GetUtcNow(), _clock.GetElapsedTime(0));
}
