namespace Datapath.Backends;

/// <summary>A policy does not fit into the kernel memory that was set aside; nothing was written and the old policy stays.</summary>
/// <param name="what">Which table is too small.</param>
/// <param name="needed">What the policy needs, in <paramref name="unit"/>.</param>
/// <param name="available">What there is, in <paramref name="unit"/>.</param>
/// <param name="unit">Bytes, rules, ….</param>
/// <param name="remedy">What gives it more room, a part of a sentence; null when nothing does.</param>
public sealed class PolicyTooLargeException(string what, long needed, long available, string unit, string? remedy = null)
    : Exception($"the policy needs {needed} {unit} of {what}, {available} are available" + (remedy is null ? "" : $"; {remedy}"))
{
    /// <summary>What the policy needs.</summary>
    public long Needed { get; } = needed;

    /// <summary>What there is.</summary>
    public long Available { get; } = available;
}
