namespace Datapath.Agent.Loops;

/// <summary>Whether a loop still goes round. The loop beats, others look.</summary>
/// <param name="clock">What its age is measured by.</param>
internal sealed class LoopPulse(TimeProvider clock)
{
    private readonly TaskCompletionSource _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _last = clock.GetTimestamp();

    /// <summary>Completes with the first round.</summary>
    public Task First => _first.Task;

    /// <summary>How long ago the last round was.</summary>
    public TimeSpan Age => clock.GetElapsedTime(Volatile.Read(ref _last));

    /// <summary>A round is done.</summary>
    public void Beat()
    {
        Volatile.Write(ref _last, clock.GetTimestamp());
        _first.TrySetResult();
    }
}
