namespace Datapath.Tests.Agent.Support;

/// <summary>The machine's clock, set forward: days pass at once, timers run as they are.</summary>
internal sealed class ShiftedClock : TimeProvider
{
    private long _shift;

    /// <summary>Lets time pass on the wall.</summary>
    public void Pass(TimeSpan time) => Interlocked.Add(ref _shift, time.Ticks);

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + TimeSpan.FromTicks(Interlocked.Read(ref _shift));
}
