using System.Collections.Immutable;
using Datapath.Flows;

namespace Datapath.Agent.Records;

/// <summary>Gives each record to every pipe. Called by one at a time.</summary>
internal sealed class RecordStream
{
    private ImmutableArray<SinkPipe> _pipes = [];
    private long _records;

    /// <summary>Records that were made since the agent started.</summary>
    public long Records => Interlocked.Read(ref _records);

    /// <summary>Time of the latest of them.</summary>
    public DateTimeOffset LastTime { get; private set; } = DateTimeOffset.MinValue;

    /// <summary>Begins to write to a pipe.</summary>
    /// <param name="pipe">The pipe.</param>
    public void Add(SinkPipe pipe) => _pipes = _pipes.Add(pipe);

    /// <summary>Writes to a pipe no more, and ends it.</summary>
    /// <param name="pipe">The pipe.</param>
    public void Remove(SinkPipe pipe)
    {
        if (_pipes.Contains(pipe))
        {
            _pipes = _pipes.Remove(pipe);
            pipe.Complete();
        }
    }

    /// <summary>Gives every pipe a record.</summary>
    /// <param name="record">The record.</param>
    public void Offer(in FlowRecord record)
    {
        Interlocked.Increment(ref _records);
        LastTime = record.Time;
        foreach (SinkPipe pipe in _pipes)
        {
            pipe.Offer(record);
        }
    }

    /// <summary>Lets the sinks have what they were given.</summary>
    public void Flush()
    {
        foreach (SinkPipe pipe in _pipes)
        {
            pipe.Flush();
        }
    }

    /// <summary>Ends every pipe.</summary>
    public void Complete()
    {
        foreach (SinkPipe pipe in _pipes)
        {
            pipe.Complete();
        }

        _pipes = [];
    }
}
