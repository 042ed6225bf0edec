using System.Collections.Immutable;
using Datapath.Backends;

namespace Datapath.Agent.Loops;

/// <summary>How long packets of an interface that comes while the agent runs are not judged: from hearing of it until the policy is attached.</summary>
/// <param name="clock">Times it.</param>
internal sealed class AttachDelay(TimeProvider clock)
{
    private ImmutableHashSet<int>? _attached;
    private long _heard;
    private long _lookedFor;

    /// <summary>Something about interfaces has changed. Any thread.</summary>
    public void Hear() => Interlocked.CompareExchange(ref _heard, clock.GetTimestamp(), comparand: 0);

    /// <summary>The interfaces are about to be read: what was heard until now will be seen.</summary>
    public void Look()
    {
        // What could not be attached the last time is waited for since then.
        long heard = Interlocked.Exchange(ref _heard, 0);
        _lookedFor = _lookedFor == 0 ? heard : _lookedFor;
    }

    /// <summary>A policy is in force at these places.</summary>
    /// <param name="places">Where.</param>
    /// <returns>How long it took where there is an interface among them that was not there before; null where there is none.</returns>
    public TimeSpan? Note(ImmutableArray<UnitAttachment> places)
    {
        ImmutableHashSet<int> now = [.. places.Where(place => place.InterfaceIndex != 0).Select(place => place.InterfaceIndex)];
        // At the start all of them are new, and none came late.
        bool isLate = _attached is { } before && !now.IsSubsetOf(before) && _lookedFor != 0;
        TimeSpan? delay = isLate ? clock.GetElapsedTime(_lookedFor) : null;
        (_attached, _lookedFor) = (now, 0);
        return delay;
    }
}
