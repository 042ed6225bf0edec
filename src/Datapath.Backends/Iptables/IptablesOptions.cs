using System.Collections.Immutable;
using System.Numerics;

namespace Datapath.Backends.Iptables;

/// <summary>How the iptables backend is set up.</summary>
public sealed record IptablesOptions
{
    /// <summary>The bits of the packet mark that are ours when nobody says otherwise.</summary>
    public const uint DefaultPacketMarkMask = 0xffff_0000;

    /// <summary>The bits of the connection mark that are ours when nobody says otherwise.</summary>
    public const uint DefaultConnectionMarkBits = 0x7000_0000;

    /// <summary>Name of the agent's instance; names chains and sets.</summary>
    public required string Instance { get; init; }

    /// <summary>
    /// Bits of the packet mark that are ours while a packet is judged, and 0 afterwards; other bits are left as they are. One run of bits:
    /// the lowest tells the host from the others, the next answers from the rest, and the others number the classes of addresses, as many as
    /// the policy needs.
    /// </summary>
    public uint PacketMarkMask { get; init; } = DefaultPacketMarkMask;

    /// <summary>The bit of the connection mark that says "opened under policy"; other bits are left as they are.</summary>
    public uint ConnectionMarkBit { get; init; } = 0x4000_0000;

    /// <summary>
    /// The bit of the connection mark that says "lost the other bit by us": such a connection gets it back when its opener is allowed again,
    /// whichever agent sees that.
    /// </summary>
    public uint RevokedMarkBit { get; init; } = 0x2000_0000;

    /// <summary>The bit of the connection mark that says "by a unit that is a cgroup": its answers are not the host's.</summary>
    public uint CgroupMarkBit { get; init; } = 0x1000_0000;

    /// <summary>The three bits of the connection mark together: the highest is the one of connections that were opened, the lowest that of cgroups.</summary>
    /// <exception cref="ArgumentException">Other than three bits.</exception>
    public uint ConnectionMarkBits
    {
        get => ConnectionMarkBit | RevokedMarkBit | CgroupMarkBit;
        init
        {
            if (BitOperations.PopCount(value) != ConnectionMarks.Bits)
            {
                throw new ArgumentException($"0x{value:x} has not {ConnectionMarks.Bits} bits", nameof(value));
            }

            ConnectionMarkBit = 1u << BitOperations.Log2(value);
            CgroupMarkBit = value & (0 - value);
            RevokedMarkBit = value & ~(ConnectionMarkBit | CgroupMarkBit);
        }
    }

    /// <summary>
    /// The program, and its first arguments, that ends a lease when no agent lives; the deadline is appended, in milliseconds since boot. It must
    /// do what <see cref="IptablesLeaseKeeper"/> does. Empty: trials and pauses are refused.
    /// </summary>
    public ImmutableArray<string> LeaseKeeper { get; init; } = [];

    /// <summary>
    /// How many events each rule may send in a second, at most 10,000, which is the finest that xt_limit counts (net/netfilter/xt_limit.c);
    /// more than that is no limit.
    /// </summary>
    public int EventsPerSecond { get; init; } = 1000;

    /// <summary>Whether connection tracking counts what connections carry, for accounts of flows.</summary>
    public bool KeepsAccounts { get; init; }

    /// <summary>
    /// Whether a removal also takes the marks of connections where nothing else of the instance is left, because somebody flushed the rest. Not for
    /// an agent that only looks for what another backend may have left: on most hosts that is nothing, and the bits are other people's.
    /// </summary>
    public bool RemovesMarksAlone { get; init; }

    /// <summary>Where event times come from.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
