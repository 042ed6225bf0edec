namespace Datapath.Flows;

/// <summary>How often something happens, the latest seconds counting most: each event's weight falls to a third in <see cref="Memory"/>.</summary>
/// <remarks>Whoever asks, and how often, does not change it: several may watch at once.</remarks>
/// <param name="Weight">Sum of the weights at <paramref name="At"/>.</param>
/// <param name="At">When the last event was.</param>
internal readonly record struct FlowRate(double Weight, TimeSpan At)
{
    /// <summary>Long enough to read a table by, short enough to see that something has ended.</summary>
    public static readonly TimeSpan Memory = TimeSpan.FromSeconds(10);

    /// <summary>Nothing has happened yet.</summary>
    public static FlowRate None => default;

    /// <summary>The rate after one more event.</summary>
    /// <param name="now">When it was; not before the one before.</param>
    public FlowRate After(TimeSpan now) => new(WeightAt(now) + 1, now);

    /// <summary>Events a second.</summary>
    /// <param name="now">When that is asked.</param>
    public double PerSecond(TimeSpan now) => WeightAt(now) / Memory.TotalSeconds;

    private double WeightAt(TimeSpan now) => Weight * Math.Exp((At - now) / Memory);
}
