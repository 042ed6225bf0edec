using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;

namespace Datapath.Backends;

/// <summary>What an apply is told besides the policy.</summary>
public sealed record ApplyOptions
{
    /// <summary>No confirmation is asked, and nothing is tried beforehand.</summary>
    public static ApplyOptions None { get; } = new();

    /// <summary>
    /// What was in force before comes back by itself after this time unless <see cref="IBackend.Confirm"/> is called, also when the agent is
    /// dead by then; null for a policy that stays. Positive.
    /// </summary>
    public TimeSpan? ConfirmWithin { get; init; }

    /// <summary>While a policy waits for confirmation: the one to fall back to, compiled for the same host; null otherwise.</summary>
    public CompiledPolicy? Fallback { get; init; }

    /// <summary>
    /// Asks the backend that judges as long as this one does not, and until it does, for its flows as they are at that moment; null where
    /// none does. May be asked more than once, and only for a first policy.
    /// </summary>
    public Func<IReadOnlyCollection<RememberedFlow>?>? Remembered { get; init; }

    /// <summary>Connections whose answer is known. The new tables are asked before they are in force, and refused when one differs.</summary>
    public ImmutableArray<Canary> Canaries { get; init; } = [];

    /// <summary>The same of <see cref="Fallback"/>: what judges when the time is over and nobody is there any more.</summary>
    public ImmutableArray<Canary> FallbackCanaries { get; init; } = [];
}

/// <summary>A connection, and what a policy must say of it.</summary>
/// <param name="Unit">Number of the unit that judges.</param>
/// <param name="Direction">Who opens it.</param>
/// <param name="Peer">The other end; no address of the unit itself.</param>
/// <param name="Table">What kind of key <paramref name="Key"/> is.</param>
/// <param name="Key">Destination port, type and code, or protocol number.</param>
/// <param name="Verdict">Whether it passes.</param>
/// <param name="RuleIndex">The rule that decides.</param>
public sealed record Canary(int Unit, Direction Direction, AddressKey Peer, PortTable Table, ushort Key, Verdict Verdict, int RuleIndex);

/// <summary>What ends by itself, kept by the kernel.</summary>
public enum LeaseKind
{
    /// <summary>Nothing does.</summary>
    None,

    /// <summary>A policy waits for confirmation; without it the one before it comes back.</summary>
    Confirm,

    /// <summary>Everything passes; then the policy is back.</summary>
    Pause,
}

/// <summary>A lease as it is now.</summary>
/// <param name="Kind">What ends.</param>
/// <param name="Left">Time until then; zero when it is over and the kernel has done what it was to do.</param>
public readonly record struct PendingLease(LeaseKind Kind, TimeSpan Left)
{
    /// <summary>Nothing is pending.</summary>
    public static PendingLease None { get; }

    /// <summary>Whether the time is over.</summary>
    public bool IsOver => Kind != LeaseKind.None && Left == TimeSpan.Zero;
}
