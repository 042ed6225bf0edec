using System.Collections.Immutable;

namespace Datapath.Backends;

/// <summary>How full the tables of flows are, and what did not find room in them.</summary>
/// <param name="Tables">In a fixed order; empty before anything is enforced.</param>
/// <param name="NotRecorded">Flows that passed and were not remembered at all, since the kernel objects were made.</param>
/// <param name="NotPromoted">How often a flow that both ends agreed on found no room among its like and stayed with those that may be forgotten.</param>
public sealed record FlowUsage(ImmutableArray<FlowTableUsage> Tables, long NotRecorded, long NotPromoted)
{
    /// <summary>Flow events for which the kernel had no room, since its objects were made.</summary>
    public long EventsLost { get; init; }

    /// <summary>Before anything is enforced.</summary>
    public static FlowUsage None { get; } = new([], 0, 0);
}

/// <summary>A table of flows.</summary>
/// <param name="Name">What stands in it, such as <c>tcp4</c> or, before it is proved, <c>new-tcp4</c>.</param>
/// <param name="Entries">Entries at the last time that the whole table was looked at.</param>
/// <param name="Limit">Entries that there is room for.</param>
public sealed record FlowTableUsage(string Name, long Entries, long Limit);
