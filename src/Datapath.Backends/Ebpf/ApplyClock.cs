namespace Datapath.Backends.Ebpf;

/// <summary>Takes the time of the steps of one apply, from when it is made.</summary>
/// <param name="time">The clock.</param>
/// <param name="arena">Who waits for grace periods.</param>
internal sealed class ApplyClock(TimeProvider time, Arena arena)
{
    private readonly long _start = time.GetTimestamp();
    private readonly TimeSpan _graceBefore = arena.WaitedForGrace;
    private TimeSpan _encode;
    private TimeSpan _write;

    /// <summary>Does a step that is encoding.</summary>
    public T Encode<T>(Func<T> step) => Timed(step, ref _encode);

    /// <summary>Does a step that is writing.</summary>
    public T Write<T>(Func<T> step) => Timed(step, ref _write);

    /// <summary>The times of an apply that ends now.</summary>
    public ApplyTimes Read()
    {
        TimeSpan grace = arena.WaitedForGrace - _graceBefore;
        return new ApplyTimes(_encode, _write, grace, time.GetElapsedTime(_start) - _encode - _write - grace);
    }

    private T Timed<T>(Func<T> step, ref TimeSpan taken)
    {
        long start = time.GetTimestamp();
        T result = step();
        taken += time.GetElapsedTime(start);
        return result;
    }
}
