using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Datapath.Flows;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf;

/// <summary>Turns the records of the ring buffer, <c>struct dp_event</c>, into flow events.</summary>
/// <param name="time">Gives the wall clock; the kernel's times count from boot.</param>
internal sealed class EventDecoder(TimeProvider time)
{
    private const byte AllowBit = 1;
    private const byte ObservedAllowBit = 2;
    private const byte IPv6Bit = 0x80;

    private static readonly string[] Hooks = ["tc-ingress", "tc-egress", "cgroup-ingress", "cgroup-egress", "cgroup-connect", "xdp"];

    private readonly CgroupNames _cgroups = new();

    /// <summary>The word for a hook.</summary>
    /// <param name="hook">As in <c>enum dp_hook</c>.</param>
    public static string NameOf(int hook) => hook < Hooks.Length ? Hooks[hook] : $"hook {hook}";

    /// <summary>Decodes a record.</summary>
    /// <param name="record">The record.</param>
    /// <returns>Null for a record that is not one of ours: it is shorter than the struct, as none of this layout is.</returns>
    public FlowEvent? Decode(ReadOnlySpan<byte> record)
    {
        if (!MemoryMarshal.TryRead(record, out DpEvent raw))
        {
            return null;
        }

        DpProcess? process = MemoryMarshal.TryRead(record, out DpProcessEvent whole) ? whole.Process : null;
        bool ipv6 = (raw.Flags & IPv6Bit) != 0;
        return new FlowEvent
        {
            Time = WallClock(raw.TimeNanoseconds),
            Unit = raw.Unit,
            Direction = (Direction)raw.Direction,
            Verdict = (raw.Verdict & AllowBit) != 0 ? Verdict.Allow : Verdict.Reject,
            Reason = (DropReason)raw.Reason,
            Flags = (DescriptorFlags)(raw.Flags & ~IPv6Bit),
            RuleIndex = (int)raw.RuleIndex,
            ObservedRuleIndex = (int)raw.ObservedRuleIndex,
            ObservedVerdict = (raw.Verdict & ObservedAllowBit) != 0 ? Verdict.Allow : Verdict.Reject,
            Protocol = raw.Protocol,
            Source = AddressCodec.Decode(raw.Source, ipv6),
            SourcePort = BinaryPrimitives.ReverseEndianness(raw.SourcePortBigEndian),
            Destination = AddressCodec.Decode(raw.Destination, ipv6),
            DestinationKey = raw.DestinationKey,
            Hook = NameOf(raw.Hook),
            Process = process is { } known ? ProcessOf(known) : null,
            Generation = raw.Generation,
        };
    }

    private FlowProcess ProcessOf(DpProcess process)
    {
        ReadOnlySpan<byte> command = process.Command;
        int end = command.IndexOf((byte)0);
        return new FlowProcess((int)process.Pid, process.Uid, Encoding.UTF8.GetString(end < 0 ? command : command[..end]), _cgroups.PathOf(process.Cgroup));
    }

    /// <summary>bpf_ktime_get_ns and .NET's timestamps both read CLOCK_MONOTONIC.</summary>
    private DateTimeOffset WallClock(ulong monotonicNanoseconds)
    {
        double ago = time.GetTimestamp() * (1e9 / time.TimestampFrequency) - monotonicNanoseconds;
        return time.GetUtcNow() - TimeSpan.FromMicroseconds(ago / 1e3);
    }
}
