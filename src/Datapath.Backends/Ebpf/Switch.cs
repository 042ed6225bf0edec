using Datapath.Interop.Libc;

namespace Datapath.Backends.Ebpf;

/// <summary>What packets are judged by, and until when: the one word of <c>struct dp_control</c> that programs read.</summary>
/// <param name="Slot">The slot that judges.</param>
/// <param name="After">The slot that judges when a lease is over.</param>
/// <param name="Lease">What ends.</param>
/// <param name="Deadline">When, in units of 2^20 ns since boot; nothing without a lease.</param>
internal readonly record struct Switch(int Slot, int After, DpLease Lease, ulong Deadline)
{
    private const ulong SlotMask = (1 << Abi.SwitchSlotBits) - 1;
    private const long NanosecondsOfUnit = 1L << Abi.DeadlineNanosecondsBits;

    /// <summary>The word.</summary>
    public ulong Word =>
        (uint)Slot
        | ((ulong)(uint)After << Abi.SwitchSlotBits)
        | ((ulong)Lease << Abi.SwitchLeaseBit)
        | (Deadline << Abi.SwitchDeadlineBit);

    /// <summary>Whether the kernel has done by now what the lease says.</summary>
    public bool IsOver => Lease != DpLease.None && Now >= Deadline;

    /// <summary>The slot that packets are judged by at this moment.</summary>
    public int Judging => Lease == DpLease.Confirm && IsOver ? After : Slot;

    /// <summary>As the seam has it.</summary>
    public PendingLease Pending =>
        Lease switch
        {
            DpLease.None => PendingLease.None,
            DpLease.Confirm => new PendingLease(LeaseKind.Confirm, Left),
            _ => new PendingLease(LeaseKind.Pause, Left),
        };

    private static ulong Now => (ulong)(KernelClock.SinceBoot().Ticks * 100 / NanosecondsOfUnit);

    private TimeSpan Left => IsOver ? TimeSpan.Zero : TimeSpan.FromTicks(((long)(Deadline - Now) * NanosecondsOfUnit) / 100);

    /// <summary>Without a lease.</summary>
    /// <param name="slot">The slot that judges.</param>
    public static Switch To(int slot) => new(slot, After: 0, DpLease.None, Deadline: 0);

    /// <summary>Reads a word.</summary>
    /// <param name="word">As programs read it.</param>
    public static Switch Of(ulong word) =>
        new(
            (int)(word & SlotMask),
            (int)((word >> Abi.SwitchSlotBits) & SlotMask),
            (DpLease)((word >> Abi.SwitchLeaseBit) & SlotMask),
            word >> Abi.SwitchDeadlineBit
        );

    /// <summary>The deadline of something that begins now; rounded up, so that it is never shorter than was asked for.</summary>
    /// <param name="time">How long it takes.</param>
    public static ulong DeadlineAfter(TimeSpan time) => Now + 1 + (ulong)Math.Max(1, time.Ticks * 100 / NanosecondsOfUnit);
}
