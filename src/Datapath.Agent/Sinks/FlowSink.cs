using System.Buffers;
using Datapath.Agent.Records;

namespace Datapath.Agent.Sinks;

/// <summary>Where flow records go. Each has a task and a pipe of its own: one that is dead or slow harms no other.</summary>
internal abstract class FlowSink : IAsyncDisposable
{
    /// <summary>The word for it in <c>status</c>, metrics and the log.</summary>
    public abstract string Name { get; }

    /// <summary>Makes what writes records as this sink wants them; one line for each.</summary>
    public abstract FlowRecordReceiverFactory Format { get; }

    /// <summary>Delivers records; opens first what is not open.</summary>
    /// <param name="lines">Whole lines, at least one.</param>
    /// <param name="cancellation">The agent stops, or it has taken too long.</param>
    /// <returns>Behind the last line that is delivered; behind the first one or more.</returns>
    /// <exception cref="IOException">It cannot be done now; the same lines come again later. Others of <see cref="SinkTrouble.IsExpected"/> too.</exception>
    public abstract ValueTask<SequencePosition> WriteAsync(ReadOnlySequence<byte> lines, CancellationToken cancellation);

    /// <summary>Of the lines that the latest write has taken, those that can never be delivered, however often they come again.</summary>
    public virtual int PassedOver => 0;

    /// <summary>Called about once a minute, between two writes.</summary>
    public virtual void Tend() { }

    /// <summary>Closes what is open; a later write opens it again.</summary>
    public abstract ValueTask DisposeAsync();
}
